"""Self-labelled rare conditions (MedSSR, arXiv 2604.11547): made questions, majority votes, two trainings."""
