"""Checks of the exposures of a step that needs all of them more than once."""

from __future__ import annotations

from typing import Any

from xresample.datamodel.exposure import Exposure
from xresample.datamodel.options import Options
from xresample.datamodel.stack import at_least_one
from xresample.datamodel.units import same_units
from xresample.errors import InvalidInputError


def checked_exposures(exposures: Any, options: Options | None, task: str) -> list[Exposure]:
    """Return exposures after all checks, before any work is done.

    Parameters
    ----------
    exposures : Dataset or iterable of Dataset
        The exposures.
    options : Options or None
        Options of the mosaic, which may ask for further variables.
    task : str
        Name of the function, for messages.

    Raises
    ------
    InvalidExposureError
        An exposure cannot be used; lists every fault.
    InvalidInputError
        There is no exposure, or the units differ.
    """
    options = options or Options(weight_type=None)
    readers = [Exposure.of(dataset, options) for dataset in at_least_one(exposures, task)]
    require_same_units(readers)
    return readers


def require_same_units(readers: list[Exposure]) -> None:
    """Raise an `InvalidInputError` unless the data of all exposures have the same units."""
    units = dict.fromkeys(reader.units for reader in readers if reader.units)
    if any(not same_units(next(iter(units)), other) for other in units):
        raise InvalidInputError(
            f"The exposures must have the same units, got {', '.join(map(repr, units))}: convert "
            "the exposures"
        )
