"""Peers: other libraries doing the job that is measured, each in a process of its own.

A module holds the peers of one job in ``PEERS``: by name, a function that takes the job's arrays,
brings them into the form that the library likes best (not timed) and returns what is timed.
Nothing here imports Seawall or the frame: a peer's environment has neither.
"""
