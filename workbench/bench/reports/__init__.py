"""Reports: built from result lines, kept, and shown as text, charts, one HTML page or exported files."""
