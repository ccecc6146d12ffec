"""Exposures in FITS files of any origin, and the planes that lie in other extensions or files."""

from __future__ import annotations

import os
import re
from functools import partial

from xresample.errors import FileError, InvalidInputError

from . import hst, jwst
from .contents import Contents, Group, Request
from .fits_file import FitsFile, Hdu, header_wcs, table_bytes, text_wcs
from .lazy_arrays import Mapped, Plane, inverse

ERRORS = ("ERR", "ERROR", "SIGMA")
VARIANCES = ("VAR", "VARIANCE")
WEIGHTS = ("IVM", "IVAR", "INVVAR", "WEIGHT")
"""Names of inverse variances. A ``WHT`` may be of another kind, and is taken when asked for."""
FLAGS = ("DQ", "MASK", "FLAGS")
AUXILIARY = (*ERRORS, *VARIANCES, *WEIGHTS, *FLAGS, "WHT", "CON", "CTX", "AREA", "SAMP", "TIME")

_TIMES = {
    "exposure_time": ("EXPTIME", "EXPOSURE", "XPOSURE"),
    "start_time": ("MJD-BEG", "EXPSTART", "MJD-OBS"),
    "end_time": ("MJD-END", "EXPEND"),
}
_EXTENSION = re.compile(r"(.+)\[([^\[\]]+)\]$")


def groups(file: FitsFile) -> dict[Group, Hdu]:
    """Return the images that are exposures, by what they are called as ``group=``.

    Images named SCI are known by EXTVER; where there are none, all images with a WCS on the sky
    are exposures, known by EXTNAME or else by their place in the file.

    Raises
    ------
    FileError
        There is none.
    """
    if found := file.images("SCI"):
        return {hdu.version: hdu for hdu in found}
    mission = file.text("TELESCOP")
    if mission in ("JWST", "HST") and any(hdu.name for hdu in file.hdus):
        raise FileError(
            f"{file.path} is of {mission} and has no extension SCI: it holds {file.describe()}"
        )
    images = [
        hdu for hdu in file.hdus
        if hdu.is_image and hdu.is_celestial and not _is_auxiliary(hdu.name)
    ]  # fmt: skip
    if not images:
        flat = ", ".join(hdu.label for hdu in file.hdus if hdu.is_image) or "none"
        raise FileError(
            f"{file.path} has no image with a WCS on the sky (CTYPE1, CTYPE2): its images of two "
            f"dimensions are {flat}"
        )
    names = [hdu.name for hdu in images]
    return {hdu.name if names.count(hdu.name) == 1 and hdu.name else hdu.index: hdu
            for hdu in images}  # fmt: skip


def read(file: FitsFile, request: Request) -> Contents:
    """Return the exposure that is asked for.

    Raises
    ------
    FileError
        The file has no such exposure, or several and none was asked for.
    """
    known = groups(file)
    image, name = _choose(file, known, request.group)
    mission = file.text("TELESCOP")
    if request.var_sky:
        raise InvalidInputError("var_sky=True is for files of Roman: give variance= for others")
    if image.name == "SCI" and mission in ("JWST", "HST"):
        contents = (jwst if mission == "JWST" else hst).read(file, image, name)
    else:
        contents = _read_any(file, image, name)
    contents.packed = file.packed
    for role, where in request.companions.items():
        contents.planes.update(_companion(file, image, role, where))
    return contents


def _choose(file: FitsFile, known: dict[Group, Hdu], group: Group | None) -> tuple[Hdu, str]:
    """Return the image of a group, and the name of its exposure."""
    listed = ", ".join(map(repr, known))
    if group is None and len(known) > 1:
        raise FileError(
            f"{file.path} holds {len(known)} exposures: choose one with group= ({listed}), or "
            "open all with xresample.open_exposures"
        )
    if group is None:
        return next(iter(known.values())), file.name
    wanted = group.upper() if isinstance(group, str) else group
    if wanted not in known:
        raise FileError(f"{file.path} has no group {group!r}: those that it has are {listed}")
    image = known[wanted]
    label = image.label if image.name == "SCI" else wanted
    return image, file.name if len(known) == 1 else f"{file.name}[{label}]"


def _read_any(file: FitsFile, image: Hdu, name: str) -> Contents:
    """Return the exposure of an image that is of no mission known here."""
    planes: dict[str, Plane] = {"data": file.image_plane(image)}
    beside = [
        hdu for hdu in file.hdus
        if hdu.shape == image.shape and (image.name != "SCI" or hdu.version == image.version)
    ]  # fmt: skip
    single = len(groups(file)) == 1 or image.name == "SCI"
    for hdu in beside if single else ():
        if hdu.name.startswith("VAR_") and not hdu.name.endswith("_WHT"):
            planes[hdu.name.lower()] = file.image_plane(hdu)
        for role, names in (("err", ERRORS), ("variance", VARIANCES), ("weight", WEIGHTS),
                            ("dq", FLAGS)):  # fmt: skip
            if hdu.name in names:
                for key, plane in _in_role(role, file, hdu).items():
                    planes.setdefault(key, plane)
    attrs = {q: file.number(keywords, image.header) for q, keywords in _TIMES.items()}
    units = file.text("BUNIT", image.header)
    return Contents(name, planes, _wcs_of(file, image), attrs, units)


def _wcs_of(file: FitsFile, image: Hdu) -> partial[str] | None:
    """Return what makes the WCS: the text that xresample wrote, else the header."""
    table = file.find("ASDF")
    if table is not None and b"\nwcs:" in table_bytes(file.path, table.index):
        return partial(text_wcs, file.path, table.index)
    return partial(header_wcs, file.path, image.index) if image.is_celestial else None


def _in_role(role: str, file: FitsFile, hdu: Hdu) -> dict[str, Plane]:
    """Return what an image stands for, as the plane of an exposure."""
    if role == "dq":
        return {"dq": file.flag_plane(hdu)}
    plane = file.image_plane(hdu)
    if role == "err":
        return {"err": plane}
    if role == "weight":
        return {"var_rnoise": Mapped(inverse, (plane,))}
    return {"var_rnoise": plane}


def _companion(file: FitsFile, image: Hdu, role: str, where: str) -> dict[str, Plane]:
    """Return a plane from an extension of the file, or from another file."""
    if not os.path.exists(where) and (own := _named(file, where, image)) is not None:
        return _in_role(role, file, own)
    path, extension = where, None
    if not os.path.exists(where) and (parts := _EXTENSION.match(where)):
        path, extension = parts.groups()
    if not os.path.exists(path):
        raise FileError(
            f"{role}={where!r} is neither an extension of {file.name}, which holds "
            f"{file.describe()}, nor a file"
        )
    other = FitsFile.open(path)
    if extension is not None:
        found = _named(other, extension, image)
    else:
        alike = [hdu for hdu in other.hdus if hdu.shape == image.shape]
        same = [h for h in alike if (h.name, h.version) == (image.name, image.version)]
        found = same[0] if same else alike[0] if len(alike) == 1 else None
    if found is None:
        which = f"extension {extension}" if extension else f"one image of shape {image.shape}"
        raise FileError(f"{role}={where!r} has no {which}: it holds {other.describe()}")
    return _in_role(role, other, found)


def _named(file: FitsFile, name: str, image: Hdu) -> Hdu | None:
    """Return an image by its name, name and version, or place; the version of ``image`` first."""
    if name.isdigit():
        return next((hdu for hdu in file.hdus if hdu.index == int(name)), None)
    base, _, version = name.upper().partition(",")
    if version.strip().isdigit():
        return file.find(base, int(version))
    return file.find(base, image.version) or file.find(base)


def _is_auxiliary(name: str) -> bool:
    return name in AUXILIARY or name.startswith("VAR_")
