"""The sets of exposures, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

import xarray as xr

from xresample.arguments import choice, flag, number, whole
from xresample.errors import InvalidInputError

from .camera import Camera, Filter
from .simulation import simulate

Name = Literal["hst", "jwst"]
"""Name of a set."""

HST = Path(__file__).parent / "data" / "j8bt06nyq_part_flt.fits.gz"
"""The real exposure; ``README.md`` in its folder tells where the file comes from."""


def open_exposures(
    name: Name,
    *,
    count: int | None = None,
    size: int | None = None,
    filter: Filter | None = None,
    dither: float | None = None,
    prepared: bool | None = None,
    seed: int | None = None,
) -> list[xr.Dataset]:
    """Open exposures to try things with; no network is needed.

    ``"hst"`` is one real exposure: 384 x 384 pixels of the globular cluster NGC 104, 60 s with
    HST, ACS/HRC, filter F606W, with errors, flags and the distortion of the camera. Cosmic rays
    are not flagged. The pixels are those of the archived file ``j8bt06nyq_flt.fits`` (proposal
    9019, R. Bohlin), obtained with the NASA/ESA Hubble Space Telescope, and in the public domain.

    ``"jwst"`` is simulated: dithered, rotated and distorted exposures of a camera like NIRCam, with
    pixels of 0.063 arcsec that undersample the stars. The sky holds stars and galaxies around
    right ascension 150.1 and declination 2.2 degrees. Each exposure has another sky level, cosmic
    rays, and flagged bad pixels at the same places. All filters show the same sources. Equal
    arguments give equal exposures.

    Parameters
    ----------
    name : {"hst", "jwst"}
        Name of the set.
    count : int, optional
        Number of simulated exposures. Default: 6.
    size : int, optional
        Rows and columns of a simulated exposure, at least 16. Default: 200.
    filter : {"F277W", "F356W", "F444W"}, optional
        Filter of the simulated exposures. Default: ``"F277W"``, where stars are sharpest.
    dither : float, optional
        Maximum shift of a simulated exposure along each axis, in units of ``size``: above 0, at
        most 100. Default: 0.05.
        Values above 0.5 spread the exposures over a field that no single exposure covers.
    prepared : bool, optional
        Whether ``dq`` flags the cosmic rays (``OUTLIER`` and ``DO_NOT_USE``) and the attribute
        ``level`` holds the sky level, as after a pipeline. Default: False.
    seed : int, optional
        Number that the simulated sky, dithers and noise follow from. Default: 1.

    Returns
    -------
    list of xarray.Dataset
        The exposures.

    Raises
    ------
    InvalidInputError
        The name is unknown, an argument is invalid, or the real set gets an argument for simulated
        sets.

    Examples
    --------
    >>> import xresample as xrs
    >>> (real,) = xrs.tutorial.open_exposures("hst")
    >>> real.attrs["target"], real.sizes["x"]
    ('NGC104', 384)
    >>> exposures = xrs.tutorial.open_exposures("jwst", count=2, size=50)
    >>> [exposure.attrs["filename"] for exposure in exposures]
    ['simulated_00001_nrcalong_cal', 'simulated_00002_nrcalong_cal']
    """
    choice("name", name, get_args(Name))
    given = {
        "count": count,
        "size": size,
        "filter": filter,
        "dither": dither,
        "prepared": prepared,
        "seed": seed,
    }
    if name == "hst":
        if extra := [option for option, value in given.items() if value is not None]:
            raise InvalidInputError(
                f"The set 'hst' is real and has no options, got {', '.join(extra)}: use the set "
                "'jwst', which is simulated"
            )
        return [xr.open_dataset(HST, engine="xresample")]
    camera = Camera(
        count=whole("count", 6 if count is None else count, at_least=1),
        size=whole("size", 200 if size is None else size, at_least=16),
        filter=choice("filter", "F277W" if filter is None else filter, get_args(Filter)),
        dither=number("dither", 0.05 if dither is None else dither, above=0.0, at_most=100.0),
        seed=whole("seed", 1 if seed is None else seed, at_least=0),
    )
    return simulate(camera, flag("prepared", False if prepared is None else prepared))
