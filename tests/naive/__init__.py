"""Oracles: slow, obvious programs that say what the fast ones must compute.

Plain Python, one option, position or cell at a time; nothing of ``seawall`` is imported here.
"""
