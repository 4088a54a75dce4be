"""Asking: plan, conditions and keys of a run, its answers batch by batch, served models."""
