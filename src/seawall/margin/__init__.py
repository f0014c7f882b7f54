"""What an account must hold: models as data, and the steps that turn losses into a requirement.

In: fold, offsets, floors, charges, collateral, levels, presets, the requirement and its rows.
Not in: scenarios and revaluation (risk), what the account is shown (report).
"""
