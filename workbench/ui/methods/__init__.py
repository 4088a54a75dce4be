"""The Methods screen: several heat maps of one span side by side."""
