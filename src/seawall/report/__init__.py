"""What an account is told: the margin report, its schema and its text.

In: the report's fields, how they are filled from a requirement and collateral, JSON, plain-text
explanation. Not in: any margin arithmetic (margin) and any terminal colour (cli).
"""
