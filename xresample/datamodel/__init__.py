"""Datasets and plain arrays: schema, options, exposures, grids, mosaics, provenance."""
