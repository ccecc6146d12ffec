"""Names of FITS extensions, and the variables of exposures and mosaics that they hold.

Except for the image, an extension has the name of its variable in upper case. So the tables of
`xresample.datamodel.schema` decide which extensions are read and written.
"""

from __future__ import annotations

from xresample.datamodel import schema

IMAGE = "SCI"
"""Extension that holds the image."""

DATA = next(row.name for row in schema.EXPOSURE if row.needed)
"""Variable that holds the image: the only one that every exposure has."""

DQ = next(row.name for row in schema.EXPOSURE if row.dtype == "iu")
"""Variable that holds flags: the only one of integers."""


def extension_of(variable: str) -> str:
    """Return the extension that holds a variable.

    Examples
    --------
    >>> extension_of("data"), extension_of("var_flat")
    ('SCI', 'VAR_FLAT')
    """
    return IMAGE if variable == DATA else variable.upper()


def variable_of(extension: str) -> str | None:
    """Return the variable of an exposure that an extension holds; None for other extensions.

    Examples
    --------
    >>> variable_of("SCI"), variable_of("VAR_FLAT"), variable_of("VAR_FLAT_WHT")
    ('data', 'var_flat', None)
    """
    if extension == IMAGE:
        return DATA
    name = extension.lower()
    return name if name != DATA and schema.row_of(schema.EXPOSURE, name) is not None else None
