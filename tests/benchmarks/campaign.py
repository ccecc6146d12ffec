"""A deterministic campaign of dithered, rotated, distorted exposures, for xresample and stcal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

import xresample as xrs
from tests.support.wcs import make_grid, make_gwcs

CRVAL = (150.0, 2.0)
SCALE = 0.063
VARIANCES = ("var_rnoise", "var_poisson", "var_flat")
FLAGGED = 0.03


@dataclass(frozen=True)
class Campaign:
    """Exposures of one size and the grid of their mosaic.

    Attributes
    ----------
    size : int
        Pixels per side of an exposure.
    output : int
        Pixels per side of the mosaic.
    count : int
        Number of exposures.
    """

    size: int
    output: int
    count: int = 1

    def grid(self) -> Any:
        """Return the WCS of the mosaic."""
        return make_grid((self.output, self.output), CRVAL, SCALE, 0.0)

    def wcs(self, k: int) -> Any:
        """Return the WCS of exposure ``k``: degree-5 distortion, dithered and rotated."""
        rng = np.random.default_rng(1000 + k)
        return make_gwcs(
            (self.size, self.size),
            CRVAL,
            SCALE,
            rotation=3.0 * k % 17 + 2.0,
            offset=tuple(rng.uniform(-40, 40, 2)),
            distortion=4.0,
        )

    def arrays(self, k: int) -> dict[str, np.ndarray]:
        """Return the planes of exposure ``k``."""
        rng = np.random.default_rng(k)
        shape = (self.size, self.size)
        sky = rng.normal(1.0, 0.1, shape).astype(np.float32)
        arrays = {"data": sky, "err": rng.uniform(0.1, 0.2, shape).astype(np.float32)}
        for name in VARIANCES:
            arrays[name] = rng.uniform(0.005, 0.02, shape).astype(np.float32)
        arrays["dq"] = np.where(rng.random(shape) < FLAGGED, 1 << (k % 8), 0).astype(np.uint32)
        return arrays

    def scalars(self, k: int) -> dict[str, Any]:
        """Return the scalar quantities of exposure ``k``."""
        return {
            "filename": f"exposure{k}.fits",
            "group_id": str(k),
            "exposure_time": 100.0,
            "measurement_time": 95.0,
            "start_time": 61000.0 + k,
            "end_time": 61000.1 + k,
            "duration": 110.0,
            "pixelarea_steradians": float(np.deg2rad(SCALE / 3600) ** 2),
            "level": 0.0,
            "subtracted": True,
        }

    def exposure(self, k: int, full: bool = True) -> xr.Dataset:
        """Return exposure ``k`` as a Dataset, with only data and read noise if not ``full``."""
        arrays = self.arrays(k)
        planes = {"err": arrays["err"], "dq": arrays["dq"]} if full else {}
        names = VARIANCES if full else ("var_rnoise",)
        variances = {name: arrays[name] for name in names}
        return xrs.make_exposure(
            arrays["data"], self.wcs(k), variances=variances, **planes, **self.scalars(k)
        )

    def model(self, k: int) -> dict[str, Any]:
        """Return exposure ``k`` as the dict that stcal takes."""
        return {**self.arrays(k), **self.scalars(k), "wcs": self.wcs(k), "bunit_data": "MJy/sr"}
