"""The in-page viewer: what it is told, and its Gradio component."""
