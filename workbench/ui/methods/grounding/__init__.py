"""How well each method points, from stored grounding runs: charts and tables at the end of Methods."""
