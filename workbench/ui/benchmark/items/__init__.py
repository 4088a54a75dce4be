"""The items of a benchmark result: filters, table, and one item in full."""
