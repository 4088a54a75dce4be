"""The composite reward of single answers and of stored ones, by served judges and real embeddings."""
