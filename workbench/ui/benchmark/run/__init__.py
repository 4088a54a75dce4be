"""Running the benchmark from the screen, and importing results."""
