"""The store: result lines and the record of how they were asked for."""
