"""Many accounts at once, over the machines of a Ray cluster.

In: accounts dealt to shards by a hash that is the same everywhere, the workers that own shards, the
market broadcast to them once, lost workers rebuilt from the source of their accounts.
Not in: margin arithmetic of any kind (margin), tables and files (feeds), any truth: what a worker
holds follows from what the driver was given.
"""
