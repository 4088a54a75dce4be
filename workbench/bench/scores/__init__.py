"""Scores: of answers, traces and probabilities, with baselines, intervals, tests and warnings. Pure."""
