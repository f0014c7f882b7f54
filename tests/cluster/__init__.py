"""Accounts over Ray."""
