"""Exposures before the co-add: stack, combine, blot, outliers, sky levels, filled pixels."""
