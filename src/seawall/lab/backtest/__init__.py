"""Margins held against what came: exceedances, their tests, regulators' tables, procyclicality.

In: the walk through history, statistical tests, scores, reports. Not in: the choice of parameters
(calibration).
"""
