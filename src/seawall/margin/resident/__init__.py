"""Accounts that stay in memory: states of what they hold and require, and what changes them."""
