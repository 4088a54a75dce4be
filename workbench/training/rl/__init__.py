"""Reinforcement by group-relative policy optimisation with the composite reward."""
