"""Exposures before the co-add: stack, combine, blot, flag outliers."""
