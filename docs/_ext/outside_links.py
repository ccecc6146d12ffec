"""Links to the documentation of other projects, without downloading their inventories."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

ASTROPY = "https://docs.astropy.org/en/stable/"
XARRAY = "https://docs.xarray.dev/en/stable/"

PAGES = {
    "astropy.nddata.bitmask": ASTROPY + "nddata/bitmask.html",
    "astropy.wcs.WCS": ASTROPY + "api/astropy.wcs.WCS.html",
    "stcal.resample": "https://stcal.readthedocs.io/en/latest/",
    "stcal.resample.Resample": "https://stcal.readthedocs.io/en/latest/",
    "xarray.Dataset": XARRAY + "generated/xarray.Dataset.html",
    "xarray.open_dataset": XARRAY + "generated/xarray.open_dataset.html",
}
"""Page of each name of another project; any other unknown name is an error of the build."""


def resolve(
    app: Sphinx, env: Any, node: pending_xref, content: nodes.TextElement
) -> nodes.reference | None:
    """Return a link for a name of another project; None if the name is unknown."""
    page = PAGES.get(node.get("reftarget", ""))
    if page is None:
        return None
    return nodes.reference("", "", content.deepcopy(), internal=False, refuri=page)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the resolver with Sphinx."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
