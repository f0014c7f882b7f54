"""Every reader of files and texts, fed with mutated inputs: `make fuzz`, and a sample in the tests.

A new kind of file is covered by a seed in seeds.py. Nothing but the package's own errors may come
out, in one printable line; what is accepted is held to an independent reading of the same bytes.
"""
