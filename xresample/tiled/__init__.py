"""Mosaics tile by tile: planned from footprints, computed by dask, written to zarr.

The only place that knows dask. `plan` says what there is to do, `lazy` gives the mosaic as dask
arrays, `coadd_to_zarr` writes it and goes on where it was interrupted.
"""
