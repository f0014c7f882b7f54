"""The ground floor: errors, time, money and rounding.

In: the error tree, UTC and tenor arithmetic, exact money and the two functions in which
float64 measures become money. Not in: anything that knows an instrument, a price or a model.
"""
