"""What an account must hold: models as data, and the steps that turn losses into a requirement.

In: fold, offsets, floors, charges, collateral, levels, presets, the requirement and its rows, what
each leg brings to it, liquidation prices, who may be margined under a model. Not in: scenarios and
revaluation (risk), what the account is shown (report).
"""
