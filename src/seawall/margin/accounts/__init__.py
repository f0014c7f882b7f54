"""Many accounts at once: what the modules of the same names do for one, column by column."""
