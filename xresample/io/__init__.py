"""File formats: exposures from FITS and ASDF files, and mosaics to FITS files.

`backend` is the xarray engine. `fits_image` (with `jwst` and `hst`) and `roman` read files,
`fits_writer` writes them. This package imports nothing on its own, because `import xresample` must
not import file formats.
"""
