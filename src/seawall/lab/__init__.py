"""Work on models rather than with them: parameters from history, and how well margins held.

In: calibration (parameters that follow the market), backtest (losses held against margins). Each
lab stands by itself. Not in: the models (margin), measures of one book at one time (risk).
"""
