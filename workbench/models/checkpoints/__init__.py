"""A checkpoint before it is loaded: where it lies, on the hub or in a folder, and what it lacks and needs."""
