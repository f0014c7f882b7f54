"""What a book loses when the market moves: shocks, scenario sets, revaluation, the risk array.

In: the scenario grid, positions joined with the market, PnL of every instrument in every
scenario, Greeks. Not in: requirements, charges and haircuts (margin), estimation (lab).
"""
