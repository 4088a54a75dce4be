"""Several models on one device: whose turn it is, and which adapter is switched on."""
