"""Datasets by position on the sky: lazy coordinates ra and dec, and cutouts."""
