"""Supervised fine-tuning of any image-text-to-text checkpoint, and the data that it reads."""
