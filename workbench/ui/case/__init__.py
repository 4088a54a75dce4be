"""The Case screen: image, question, both traces and their maps."""
