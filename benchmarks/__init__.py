"""Measured speeds, beside named peers on the same inputs in the same run."""
