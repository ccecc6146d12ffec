"""Fingerprint of the results: ``python -m tests.benchmarks.fingerprint [FILE]``.

Prints the SHA-256 of every plane of a set of co-adds as JSON: all kernels, both variance methods,
both types, in one piece and in tiles, and the stcal-compatible class. Run it before and after a
change that should not alter any bit, and compare the two outputs. The bits depend on the processor,
so no fingerprint is stored in the repository.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import xresample as xrs

from .campaign import Campaign

CAMPAIGN = Campaign(size=300, output=380, count=4)
KERNELS = ("square", "turbo", "point", "gaussian", "lanczos2", "lanczos3")
METHODS = ("resampled", "propagated")


def digest(array: Any) -> str:
    """Return the SHA-256 of the bytes, shape and type of an array."""
    plain = np.ascontiguousarray(array)
    return hashlib.sha256(f"{plain.shape} {plain.dtype}".encode() + plain.tobytes()).hexdigest()


def of_mosaic(mosaic: xr.Dataset) -> dict[str, str]:
    """Return the digests of the planes, the provenance and the attributes of a mosaic."""
    loaded = mosaic.compute()
    planes = {str(n): digest(v.values) for n, v in loaded.data_vars.items() if "y" in v.dims}
    rows = {
        name: [str(value) for value in loaded[name].values]
        for name in ("filename", "group_id", "exposure_time", "start_time", "pixel_scale_ratio")
    }
    attrs = {str(k): str(v) for k, v in sorted(loaded.attrs.items())}
    return {**planes, "rows": digest(json.dumps(rows)), "attrs": digest(json.dumps(attrs))}


def mosaics() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name and the fingerprint of each co-add."""
    exposures = [CAMPAIGN.exposure(k) for k in range(CAMPAIGN.count)]
    grid = CAMPAIGN.grid()
    full: dict[str, Any] = {"compute_err": "driz_err", "propagate_dq": True}
    for kernel in KERNELS:
        for method in METHODS:
            options = {**full, "kernel": kernel, "variance_method": method}
            yield f"{kernel} {method}", of_mosaic(xrs.coadd(exposures, grid, **options))
            tiled = xrs.coadd(exposures, grid, chunks=(150, 170), **options)
            yield f"{kernel} {method} tiled", of_mosaic(tiled)
    variants: dict[str, dict[str, Any]] = {
        "float64": {"dtype": "float64", "pixfrac": 0.7},
        "exptime": {"weight_type": "exptime", "compute_err": "from_var", "fillval": "nan"},
        "unweighted": {"weight_type": None, "good_bits": "~1", "pixmap_stepsize": 10},
        "exact": {"pixmap_stepsize": 1, "pixel_scale_ratio": 0.8, "enable_ctx": False},
    }
    for name, options in variants.items():
        yield name, of_mosaic(xrs.coadd(exposures, grid, **{**full, **options}))
    halves = [xrs.coadd(part, grid, **full) for part in (exposures[:2], exposures[2:])]
    yield "merged", of_mosaic(xrs.merge(*halves))
    added = xrs.empty_mosaic(grid, **full).resample.add(exposures[0]).resample.add(exposures[1:])
    yield "added", of_mosaic(added)


def products() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the name and the fingerprint of each output model of the class."""
    for kernel in KERNELS:
        for compute_err in ("driz_err", "from_var"):
            made = xrs.Resample(
                {"wcs": CAMPAIGN.grid()}, kernel=kernel, compute_err=compute_err, propagate_dq=True
            )
            for k in range(CAMPAIGN.count):
                made.add_model(CAMPAIGN.model(k))
            made.finalize()
            arrays = {k: v for k, v in made.output_model.items() if isinstance(v, np.ndarray)}
            found = {name: digest(array) for name, array in arrays.items()}
            yield f"class {kernel} {compute_err}", found


def main() -> None:
    """Print the fingerprint, or write it to the file in the first argument."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    text = json.dumps({**dict(mosaics()), **dict(products())}, indent=1)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
