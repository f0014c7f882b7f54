"""Parameters from history: estimates, ranges and their guards, dated presets, notices.

In: estimates of volatility, tails and correlation, named factors, what keeps parameters from
whipsawing, the preset that comes of them and what moved. Not in: how well they did (backtest).
"""
