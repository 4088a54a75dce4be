"""The in-page viewer: what it gets, and its Gradio component."""
