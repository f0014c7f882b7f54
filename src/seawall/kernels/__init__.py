"""Compiled arithmetic on plain arrays.

In: pure functions from arrays to arrays, one formula family a file, each with its formula, shapes,
units and source. Not in: objects, units conversion, checks of input (the calling room has made
them), IO, and anything of the rooms above. ``_jit.kernel`` is the one way to compile a function,
and ``_jit.operation`` the one to put instructions of one's own into what is compiled.
"""
