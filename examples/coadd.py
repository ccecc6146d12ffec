"""Co-add simulated, dithered, distorted exposures, save the mosaic, add to it, and draw it.

Usage: ``python examples/coadd.py [folder]``. The script writes ``mosaic.nc`` and ``mosaic.png``
into the folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import xarray as xr

import xresample as xrs

MIDDLE = (150.1, 2.2)  # right ascension and declination of the part that is drawn, in degrees


def draw(exposure: xr.Dataset, mosaic: xr.Dataset, path: Path) -> None:
    """Draw the same part of the sky in one exposure and in the mosaic."""
    import astropy.units as u
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
    titles = ("One exposure", "Seven exposures, co-added")
    for ax, image, title in zip(axes, (exposure, mosaic), titles, strict=True):
        part = image.resample.cutout(*MIDDLE, 11 * u.arcsec)
        sky = part["data"].median()
        part = part.assign(data=part["data"] - sky)
        part.resample.plot(ax=ax, title=title, vmin=-0.03, vmax=2.0, add_colorbar=False)
        ax.set(xticks=[], yticks=[], xlabel="", ylabel="")
    figure.savefig(path, dpi=120)


def main(folder: Path) -> None:
    """Co-add six exposures, save the mosaic, add a seventh exposure to the saved file, and draw."""
    exposures = xrs.tutorial.open_exposures("jwst", count=7, size=300, prepared=True)
    grid = xrs.fit_wcs(exposures, pixel_scale=0.03)
    mosaic = xrs.coadd(
        exposures[:6],
        grid,
        pixfrac=0.8,
        compute_err="from_var",
        propagate_dq=True,
        good_bits="~DO_NOT_USE",
        fillval=np.nan,
    )
    saved = folder / "mosaic.nc"
    mosaic.to_netcdf(saved)
    with xr.open_dataset(saved) as stored:
        mosaic = stored.resample.add(exposures[6])
    mosaic.to_netcdf(saved)
    draw(exposures[0], mosaic, folder / "mosaic.png")
    print(mosaic)
    ny, nx = mosaic.sizes["y"], mosaic.sizes["x"]
    centre = mosaic.resample.contributors(x=nx // 2, y=ny // 2)
    print(f"\nThe central pixel has {centre.sizes['exposure']} contributing exposures.")
    print(f"Written: {saved} and {folder / 'mosaic.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path())
