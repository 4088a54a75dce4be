"""The shipped pair measured and described: held-out questions, aims, curves, stages, the model card."""
