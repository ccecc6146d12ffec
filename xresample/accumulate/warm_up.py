"""Compile all kernels ahead of time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import numpy as np

from xresample.datamodel.exposure import make_exposure
from xresample.datamodel.exposure_sets import paired
from xresample.datamodel.grid import Grid
from xresample.datamodel.options import DType, Options
from xresample.kernels.structures import KERNELS

from .accumulator import Accumulator
from .buffers import copy_plane
from .deposit import make_footprint, place
from .job import Job
from .misses import misses_per_row

SIDE = 24
"""Rows and columns of the exposure that is co-added."""


def warm_up() -> None:
    """Compile every kernel that a co-add can need, and keep the compiled code on disk.

    The first co-add in an environment compiles the kernels that it needs, which takes about ten
    seconds. Call this function when a container image is built, or once per cluster, so that no
    user waits. If all kernels are compiled already, the call takes about a second.

    Compiled code is kept in the first of these folders that is writable: the folder named by the
    environment variable ``NUMBA_CACHE_DIR``; ``__pycache__`` beside the kernels of the package; the
    user's folder for caches; a temporary folder of the user. Folders that are not writable are
    still read, so users of an image need no write access. Compiled code depends on the type of the
    processor. On a cluster with several types, call the function once on each type, or set
    ``NUMBA_CPU_NAME=generic`` everywhere for slower code that all of them share.

    Warns
    -----
    CompiledCodeWarning
        If only a temporary folder is writable, or none.

    Examples
    --------
    In the recipe of a container image::

        RUN pip install xresample && python -c "import xresample; xresample.warm_up()"

    In Python:

    >>> import xresample as xrs
    >>> xrs.warm_up()
    """
    wcs = _wcs()
    plane = np.ones((SIDE, SIDE), np.float32)
    exposure = make_exposure(
        plane,
        wcs,
        err=plane,
        variances={"var_rnoise": plane, "var_flat": plane},
        dq=np.zeros((SIDE, SIDE), np.uint32),
        exposure_time=1.0,
    )
    options = Options(compute_err="driz_err", propagate_dq=True)
    for dtype in get_args(DType):
        for kernel in KERNELS:
            job = Job.new(Grid.of(wcs), replace(options, kernel=kernel, dtype=dtype))
            Accumulator.new(job).add(exposure, threads=1)
    for kernel in ("square", "turbo"):
        # The covariance of the noise has one function for square and one for all other kernels.
        noisy = Options(kernel=kernel, variance_method="propagated", noise_covariance=True)
        Accumulator.new(Job.new(Grid.of(wcs), noisy)).add(exposure, threads=1)
    Accumulator.new(Job.new(Grid.of(wcs), Options(pixmap_stepsize=1))).add(exposure, threads=1)
    first = Accumulator.new(Job.new(Grid.of(wcs), replace(options, enable_ctx="sets")))
    first.add(exposure, threads=1)
    _pair_labels(first)
    _copy_planes()
    _count_misses()


def _copy_planes() -> None:
    """Copy a plane, as each mosaic of a chain does."""
    copy_plane(np.zeros((SIDE, SIDE)), np.ones((SIDE, SIDE)), threads=1)


def _pair_labels(mosaic: Accumulator) -> None:
    """Number the labels of a mosaic, and pair them with themselves, as `merge` does."""
    labels = mosaic.dataset()["con_label"].values
    paired(labels, labels)


def _count_misses() -> None:
    """Count the pixels outside an output, as `xresample.drizzle` does for every image."""
    shape = SIDE, SIDE
    pixmap = np.zeros((*shape, 2))
    placement = place(pixmap, (0, SIDE, 0, SIDE), make_footprint("square", 1.0, 1.0), shape, (0, 0))
    misses_per_row(pixmap, placement, shape, (0, 0), threads=1)


def _wcs() -> Any:
    """Return a WCS that is smooth, so that its pixel map is a spline."""
    from astropy.wcs import WCS

    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.cdelt = -1e-5, 1e-5
    wcs.array_shape = SIDE, SIDE
    return wcs
