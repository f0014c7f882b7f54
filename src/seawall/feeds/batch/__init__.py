"""A file of accounts margined shard by shard: ``run.py`` is the door, the others are its parts."""
