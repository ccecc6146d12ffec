"""Mosaics larger than memory: planned from footprints, computed by dask, written to zarr."""
