"""The viewer without a page: its payload, its scripts and style, and one self-contained document."""
