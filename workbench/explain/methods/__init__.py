"""Attribution methods: one file a family, all named in `registry.py`."""
