"""The grounding benchmark: does each method's map point at the finding, and does what it marks matter?"""
