"""Co-add two exposures and write netCDF with the wheel alone: no extra is installed."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import xarray as xr
from astropy.wcs import WCS

import xresample as xrs

PIXELS = (40, 50)
EXTRAS = ("dask", "distributed", "zarr", "matplotlib", "tqdm", "lz4", "pytest")


def make_wcs(shift: float) -> WCS:
    """Return a tangent-plane WCS whose reference pixel is shifted."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.1, 2.2
    wcs.wcs.crpix = 25 + shift, 20 + shift
    wcs.wcs.cdelt = -1e-5, 1e-5
    wcs.array_shape = PIXELS
    return wcs


def check(fine: bool, message: str) -> None:
    """Stop with a message unless a condition holds."""
    if not fine:
        raise SystemExit(message)


found = [name for name in EXTRAS if find_spec(name)]
check(not found, f"expected an environment without extras, found {found}")

data = np.full(PIXELS, 3.0, np.float32)
exposures = [
    xrs.make_exposure(
        data,
        make_wcs(shift),
        variances={"var_rnoise": np.ones_like(data)},
        filename=f"{shift}.fits",
    )
    for shift in (0.0, 0.5)
]
mosaic = xrs.coadd(exposures, xrs.fit_wcs(exposures))
mosaic.to_netcdf("mosaic.nc")
with xr.open_dataset("mosaic.nc") as reopened:
    xr.testing.assert_identical(reopened.load(), mosaic)
mean = float(mosaic["data"].mean())
check(abs(mean - 3.0) < 1e-5, f"expected a mean of 3, got {mean}")
where = Path(xrs.__file__).parent
print(f"xresample {xrs.__version__} from {where}: a mosaic of {dict(mosaic.sizes)}")
