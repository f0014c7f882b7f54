"""Everything that enters from outside: tables of quotes, books of positions, made-up markets.

In: readers that recognise files by their columns and turn them into quotes and portfolios, the
choice of one snapshot from many, the seeded synthetic market, and writers of the same formats.
Not in: forwards, volatilities and everything else that is computed from quotes (market).
"""
