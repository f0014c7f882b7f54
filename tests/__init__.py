"""Every test names the rule it holds; plain-Python oracles live in tests/naive."""
