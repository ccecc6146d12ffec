"""What a store says it is made of, by which a run that goes on knows its own."""

from __future__ import annotations

import hashlib
from typing import Any

from xresample.accumulate.accumulator import plane_names
from xresample.errors import GridMismatchError

from .graph import planes
from .plan import Plan


def described(planned: Plan, size: tuple[int, int]) -> dict[str, Any]:
    """Return what makes two runs the same, as JSON."""
    grid = planned.job.grid
    exposures = [
        _digest(
            e.wcs_text,
            e.shape,
            e.y.start,
            e.x.start,
            sorted(e.scalars.items()),
            e.units,
            sorted(planes(e, planned.job)),
        )
        for e in planned.exposures
    ]
    return {
        "grid": _digest(grid.text, grid.shape, grid.y0, grid.x0, grid.pixel_scale),
        # As text: JSON has no NaN.
        "options": {name: str(v) for name, v in planned.job.options.to_attrs().items()},
        "tiles": list(size),
        "planes": list(plane_names(planned.job.layout, planned.job.options)),
        "exposures": exposures,
    }


def _digest(*values: Any) -> str:
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def require_same(job: dict[str, Any], found: Any, store: Any) -> None:
    """Raise a `GridMismatchError` that names what differs between a run and that of a store."""
    there = found if isinstance(found, dict) else {}
    differences = [name for name in job if job[name] != there.get(name)]
    if differences:
        lines = [_difference(name, job[name], there.get(name)) for name in differences]
        raise GridMismatchError(
            f"{store} holds another mosaic, whose tiles do not fit; give another store, or "
            "overwrite=True. What differs, first what was asked for, then what is there:\n- "
            + "\n- ".join(lines)
        )


def _difference(name: str, asked: Any, there: Any) -> str:
    """Return a line that says how the entries of two descriptions differ."""
    if name == "grid" or there is None:
        return f"{name}: not the same WCS, shape or pixel scale" if there else f"{name}: unknown"
    if name == "options":
        changed = [key for key in {**asked, **there} if asked.get(key) != there.get(key)]
        return ", ".join(f"{key}: {asked.get(key)} and {there.get(key)}" for key in changed)
    if name == "exposures":
        pairs = enumerate(zip(asked, there, strict=False))
        first = next((k for k, (mine, yours) in pairs if mine != yours), None)
        which = "" if first is None else f"; number {first} is another one"
        return f"exposures: {len(asked)} and {len(there)}{which}"
    return f"{name}: {asked} and {there}"
