"""Values and sensitivities of one option at a time, on plain arrays.

In: broadcasting wrappers over the kernels, which check their numbers and name the outcome of each
row; SVI slices, their arbitrage and their fit. Not in: instruments, quantities, signs of positions,
surfaces and curves, units other than the quote currency, years and decimal volatility per √year
(Bachelier's is in the quote currency); the rooms above convert.
"""
