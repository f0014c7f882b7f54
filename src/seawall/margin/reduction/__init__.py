"""Trades that lower a requirement: the programme over scenarios, what may be traded, the search."""
