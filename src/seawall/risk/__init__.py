"""What a book loses when the market moves: shocks, scenario sets, revaluation, the risk array.

In: the scenario grid, positions joined with the market and what that assumes, PnL of every
instrument in every scenario, Greeks, an account after trades or in a moved market; joint scenarios
of history or drawn, tail measures, worst correlations and worst plausible scenarios.
Not in: requirements, charges and haircuts (margin).
"""
