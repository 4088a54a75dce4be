"""What the shared pass tells beside maps: sources of each word, all heads, both models on one answer."""
