"""The stages that make the shipped pair from nothing: vision tower, base, tuned."""
