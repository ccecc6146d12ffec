"""The representation of the accessor: what the Dataset is, and the methods by role."""

from __future__ import annotations

from html import escape

import xarray as xr

METHODS = {
    "co-add": ("add", "merge", "onto", "drop", "replace", "is_mosaic"),
    "exposures": ("pixmap", "weight_map", "blot", "combine"),
    "context": ("contributors", "decode_context", "depth", "with_context"),
    "maps": ("epoch", "flag_rejected", "filled"),
    "errors": ("err", "noise_factor", "aperture_error"),
    "sky": (
        *("wcs", "assign_wcs", "pixel_area", "footprint"),
        *("with_sky", "without_sky", "cutout", "s_region", "moc"),
    ),
    "plots": ("plot", "plot_planes", "plot_context", "plot_footprints"),
    "export": ("to_fits", "to_hdulist", "to_nddata", "obscore"),
}
"""Methods and properties of the accessor by role, in the order in which they are shown."""


def text(dataset: xr.Dataset) -> str:
    """Return the representation as text."""
    width = max(map(len, METHODS))
    lines = [f"  {role + ':':<{width + 1}} {', '.join(names)}" for role, names in METHODS.items()]
    return "\n".join([f"<xresample: {_described(dataset)}>", *lines, f"  {_TIME}"])


def html(dataset: xr.Dataset) -> str:
    """Return the representation as HTML."""
    rows = "".join(
        f"<tr><td>{role}</td><td style='text-align: left'><code>{', '.join(names)}</code></td></tr>"
        for role, names in METHODS.items()
    )
    return f"<div><b>{escape(_described(dataset))}</b><table>{rows}</table>{escape(_TIME)}</div>"


_TIME = "Called with a dimension, as in .resample(time='1D'): the resampling in time of xarray"


def _described(dataset: xr.Dataset) -> str:
    """Return what a Dataset is for the accessor, in one line."""
    from xresample.datamodel.mosaic import is_mosaic

    shape = " x ".join(str(dataset.sizes[name]) for name in ("y", "x") if name in dataset.sizes)
    pixels = f", {shape} pixels" if shape else ""
    if is_mosaic(dataset):
        return f"mosaic of {dataset.sizes['exposure']} exposures{pixels}"
    if "group" in dataset.dims and "data" in dataset:
        return f"stack of {dataset.sizes['group']} groups{pixels}"
    if "exposure" in dataset.dims and "data" in dataset:
        return f"stack of {dataset.sizes['exposure']} exposures{pixels}"
    return f"exposure{pixels}" if "data" in dataset and shape else "Dataset that is no exposure"
