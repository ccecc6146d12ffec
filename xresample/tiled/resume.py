"""The record in a store by which a resumed run recognises its own mosaic."""

from __future__ import annotations

import hashlib
from typing import Any

from xresample.accumulate.window import require_wcs
from xresample.datamodel import provenance
from xresample.errors import GridMismatchError, listing

from .graph import needed_planes
from .plan import Plan


def run_description(planned: Plan, size: tuple[int, int]) -> dict[str, Any]:
    """Return a description of a run as JSON; runs that can resume each other have the same one.

    Facts that change neither a pixel nor a total, such as the filter, are not part of it.
    """
    grid = planned.job.grid
    wcs = require_wcs(grid.wcs, "mosaic").text
    exposures = [
        _digest(
            require_wcs(e.wcs, "exposure").text,
            e.shape,
            e.y.start,
            e.x.start,
            sorted((name, v) for name, v in e.scalars.items() if name not in provenance.COMMON),
            e.units,
            sorted(needed_planes(e, planned.job)),
        )
        for e in (admitted.exposure for admitted in planned.admitted)
    ]
    return {
        "grid": _digest(wcs, grid.shape, grid.y0, grid.x0, grid.pixel_scale),
        # JSON has no NaN, so values are stored as text.
        "options": {name: str(v) for name, v in planned.job.options.to_attrs().items()},
        "tiles": list(size),
        "planes": list(planned.planes),
        "exposures": exposures,
    }


def _digest(*values: Any) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def require_same(job: dict[str, Any], found: Any, store: Any) -> None:
    """Raise a `GridMismatchError` that names the differences between a run and a store."""
    there = found if isinstance(found, dict) else {}
    differences = [name for name in job if job[name] != there.get(name)]
    if differences:
        lines = [_difference(name, job[name], there.get(name)) for name in differences]
        raise GridMismatchError(
            listing(
                f"{store} holds another mosaic, so the run cannot be resumed: use another store, "
                "or overwrite=True. Differences (requested, then stored)",
                lines,
            )
        )


def _difference(name: str, asked: Any, there: Any) -> str:
    """Return a line that tells how one entry of two descriptions differs."""
    if name == "grid" or there is None:
        return f"{name}: different WCS, shape or pixel scale" if there else f"{name}: not recorded"
    if name == "options":
        changed = [key for key in {**asked, **there} if asked.get(key) != there.get(key)]
        return ", ".join(f"{key}: {asked.get(key)} and {there.get(key)}" for key in changed)
    if name == "exposures":
        pairs = enumerate(zip(asked, there, strict=False))
        first = next((k for k, (mine, yours) in pairs if mine != yours), None)
        which = "" if first is None else f"; number {first} differs"
        return f"exposures: {len(asked)} and {len(there)}{which}"
    return f"{name}: {asked} and {there}"
