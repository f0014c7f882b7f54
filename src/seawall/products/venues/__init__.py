"""How venues write their contracts, and how much of the underlying one of them is.

In: one file for each venue: its names read and written, its contract sizes.
Not in: which contracts are listed today, prices, anything asked of a venue.
"""
