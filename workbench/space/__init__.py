"""What a Hugging Face Space needs to know: `space.yaml`, and the block at the top of README.md."""
