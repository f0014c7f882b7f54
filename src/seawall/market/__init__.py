"""What the market says at one instant: prices, forwards, implied volatilities.

In: quotes as columns, the parity forward, the immutable snapshot and how it is assembled, what it
tells beside prices, volatility surfaces, the snapshot moved in price or time. Not in: files and
venues (feeds), shocks (risk), anything that knows a position.
"""
