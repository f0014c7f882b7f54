"""Files, in and out: tables of quotes, books of positions, made-up markets, written reports.

In: readers that recognise files by their columns and turn them into quotes and portfolios, the
choice of one snapshot from many, the seeded synthetic market, writers of the same formats, and of
reports as JSON, CSV and Excel.
Not in: forwards, volatilities and everything else that is computed from quotes (market).
"""
