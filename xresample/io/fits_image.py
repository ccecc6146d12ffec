"""Exposures in FITS files of any origin, and planes in other extensions or files."""

from __future__ import annotations

import os
import re
from functools import partial

from xresample.errors import FileError, InvalidInputError

from . import hst, jwst
from .contents import Contents, Group, ReadOptions, Role
from .extensions import DATA, DQ, IMAGE, variable_of
from .fits_file import FitsFile, Hdu, header_wcs, table_bytes, text_wcs
from .lazy_arrays import ComputedPlane, LazyPlane, inverse

NAMES: dict[Role, tuple[str, ...]] = {
    "err": ("ERR", "ERROR", "SIGMA"),
    "variance": ("VAR", "VARIANCE"),
    "weight": ("IVM", "IVAR", "INVVAR", "WEIGHT"),
    "dq": ("DQ", "MASK", "FLAGS"),
}
"""Extensions that have a role. ``WHT`` has none, because its weights can be of any kind."""

ROLES: dict[str, Role] = {name: role for role, names in NAMES.items() for name in names}

AUXILIARY = (*ROLES, "WHT", "CON", "CTX", "AREA", "SAMP", "TIME")
"""Extensions that are never exposures, even with a celestial WCS."""

_TIMES = {
    "exposure_time": ("EXPTIME", "EXPOSURE", "XPOSURE"),
    "start_time": ("MJD-BEG", "EXPSTART", "MJD-OBS"),
    "end_time": ("MJD-END", "EXPEND"),
}
_EXTENSION = re.compile(r"(.+)\[([^\[\]]+)\]$")


def groups(file: FitsFile) -> dict[Group, Hdu]:
    """Return the images that are exposures, by the value of ``group=`` that selects them.

    In a file with images named SCI, these are the exposures, and EXTVER selects one of them.
    Otherwise all images with a celestial WCS are exposures, and EXTNAME selects one of them, or the
    number of the HDU if EXTNAME is missing or not unique.

    Raises
    ------
    FileError
        The file has no such image.
    """
    if found := file.images(IMAGE):
        return {hdu.version: hdu for hdu in found}
    mission = file.text("TELESCOP")
    if mission in ("JWST", "HST") and any(hdu.name for hdu in file.hdus):
        raise FileError(
            f"{file.path} must have an extension {IMAGE}, like files of {mission}, got "
            f"{file.describe()}"
        )
    images = [
        hdu for hdu in file.hdus
        if hdu.is_image and hdu.is_celestial and not _is_auxiliary(hdu.name)
    ]  # fmt: skip
    if not images:
        others = ", ".join(hdu.label for hdu in file.hdus if hdu.is_image) or "none"
        raise FileError(
            f"{file.path} must have an image with a celestial WCS (CTYPE1, CTYPE2); "
            f"its two-dimensional images are {others}"
        )
    names = [hdu.name for hdu in images]
    return {hdu.name if names.count(hdu.name) == 1 and hdu.name else hdu.index: hdu
            for hdu in images}  # fmt: skip


def read(file: FitsFile, options: ReadOptions) -> Contents:
    """Return the exposure that the options select.

    Raises
    ------
    FileError
        The file has no such exposure, or has several and the options select none.
    InvalidInputError
        An option is only for files of Roman.
    """
    known = groups(file)
    image, name = _choose(file, known, options.group)
    mission = file.text("TELESCOP")
    if options.var_sky:
        raise InvalidInputError(
            "var_sky=True is an option for files of Roman: use variance= for other files"
        )
    if image.name == IMAGE and mission in ("JWST", "HST"):
        contents = (jwst if mission == "JWST" else hst).read(file, image, name)
    else:
        contents = _read_any(file, image, name)
    contents.compressed = file.compressed
    for role, where in options.companions.items():
        contents.planes.update(_companion(file, image, role, where))
    return contents


def _choose(file: FitsFile, known: dict[Group, Hdu], group: Group | None) -> tuple[Hdu, str]:
    """Return the image of a group, and the name of its exposure."""
    listed = ", ".join(map(repr, known))
    if group is None and len(known) > 1:
        raise FileError(
            f"{file.path} holds {len(known)} exposures: choose one with group= ({listed}), or "
            "open all of them with xresample.open_exposures"
        )
    if group is None:
        return next(iter(known.values())), file.name
    wanted = group.upper() if isinstance(group, str) else group
    if wanted not in known:
        raise FileError(f"group must be one of {listed} for {file.path}, got {group!r}")
    image = known[wanted]
    label = image.label if image.name == IMAGE else wanted
    return image, file.name if len(known) == 1 else f"{file.name}[{label}]"


def _read_any(file: FitsFile, image: Hdu, name: str) -> Contents:
    """Return the exposure of an image in a file of an unknown origin."""
    planes: dict[str, LazyPlane] = {"data": file.image_plane(image)}
    beside = [
        hdu for hdu in file.hdus
        if hdu.shape == image.shape and (image.name != IMAGE or hdu.version == image.version)
    ]  # fmt: skip
    single = len(groups(file)) == 1 or image.name == IMAGE
    for hdu in beside if single else ():
        if role := ROLES.get(hdu.name):
            for key, plane in _in_role(role, file, hdu).items():
                planes.setdefault(key, plane)
        elif (variable := variable_of(hdu.name)) not in (None, DATA):
            planes[str(variable)] = file.image_plane(hdu)
    attrs = {q: file.number(keywords, image.header) for q, keywords in _TIMES.items()}
    units = file.text("BUNIT", image.header)
    return Contents(name, planes, _wcs_of(file, image), attrs, units)


def _wcs_of(file: FitsFile, image: Hdu) -> partial[str] | None:
    """Return a function that gives the WCS: the text of `fits_writer`, or else the header."""
    table = file.find("ASDF")
    if table is not None and b"\nwcs:" in table_bytes(file.path, table.index):
        return partial(text_wcs, file.path, table.index)
    return partial(header_wcs, file.path, image.index) if image.is_celestial else None


def _in_role(role: Role, file: FitsFile, hdu: Hdu) -> dict[str, LazyPlane]:
    """Return an image as the plane of an exposure that its role determines."""
    if role == "dq":
        return {DQ: file.flag_plane(hdu)}
    plane = file.image_plane(hdu)
    if role == "err":
        return {"err": plane}
    if role == "weight":
        return {"var_rnoise": ComputedPlane(inverse, (plane,))}
    return {"var_rnoise": plane}


def _companion(file: FitsFile, image: Hdu, role: Role, where: str) -> dict[str, LazyPlane]:
    """Return a plane in an extension of the file or in another file."""
    if not os.path.exists(where) and (own := _named(file, where, image)) is not None:
        return _in_role(role, file, own)
    path, extension = where, None
    if not os.path.exists(where) and (parts := _EXTENSION.match(where)):
        path, extension = parts.groups()
    if not os.path.exists(path):
        raise FileError(
            f"{role} must name an extension of {file.name} ({file.describe()}) or an existing "
            f"file, got {where!r}"
        )
    other = FitsFile.open(path)
    if extension is not None:
        found = _named(other, extension, image)
    else:
        alike = [hdu for hdu in other.hdus if hdu.shape == image.shape]
        same = [h for h in alike if (h.name, h.version) == (image.name, image.version)]
        found = same[0] if same else alike[0] if len(alike) == 1 else None
    if found is None:
        wanted = f"extension {extension}" if extension else f"one image of shape {image.shape}"
        raise FileError(
            f"{role} must name a file with {wanted}, got {where!r} with {other.describe()}: "
            f"select an extension with {role}='file.fits[EXTENSION]'"
        )
    return _in_role(role, other, found)


def _named(file: FitsFile, name: str, image: Hdu) -> Hdu | None:
    """Return an HDU by its number, name, or name and version.

    A name without a version means the version of ``image``, if there is one.
    """
    if name.isdigit():
        return next((hdu for hdu in file.hdus if hdu.index == int(name)), None)
    base, _, version = name.upper().partition(",")
    if version.strip().isdigit():
        return file.find(base, int(version))
    return file.find(base, image.version) or file.find(base)


def _is_auxiliary(name: str) -> bool:
    return name in AUXILIARY or name.startswith("VAR_")
