"""What can be held: instruments, their venue names, positions and portfolios.

In: contract terms (underlying, settlement, expiry, strike), Deribit's naming, what named assets
are, quantities.
Not in: prices, volatilities or anything else that moves with the market.
"""
