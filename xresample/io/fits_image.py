"""Exposures in FITS files of any origin, and planes in other extensions or files."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from xresample.errors import FileError, InvalidInputError

from . import hst, jwst
from .contents import Contents, Group, ReadOptions, Role
from .extensions import DATA, DQ, IMAGE, variable_of
from .fits_facts import facts_in
from .fits_file import FitsFile, text_wcs
from .fits_hdus import Hdu, value_in
from .other_sources import exists, is_remote
from .roles import (
    COADD_WEIGHT,
    ROLES,
    auxiliary_suffix,
    is_auxiliary,
    name_in,
    named_flags,
    planes_in_role,
    role_of,
    where_weighted,
)

_EXPOSURE_TIME = ("EXPTIME", "EXPOSURE", "XPOSURE")
_EPOCHS = {
    "start_time": ("MJD-BEG", "EXPSTART", "MJD-OBS"),
    "end_time": ("MJD-END", "EXPEND"),
}
_STARTS = ("EXPNAME", "EXPID", "MJD-BEG", "DATE-BEG", "MJD-OBS", "DATE-OBS", "TIME-OBS")
"""Keywords of an image that tell exposures of one file apart, if they differ."""

_EXTENSION = re.compile(r"(.+)\[([^\[\]]+)\]$")


def groups(file: FitsFile) -> dict[Group, Hdu]:
    """Return the images that are exposures, by the value of ``group=`` that selects them.

    In a file with images named SCI, these are the exposures. EXTVER selects one of them, or its
    position among them, counted from 1, if EXTVER is missing or not unique. Otherwise all images
    with a celestial WCS are exposures, except errors, weights, flags and the like. EXTNAME selects
    one of them, or the number of the HDU if EXTNAME is missing or not unique.

    Raises
    ------
    FileError
        The file has no such image.
    """
    if found := file.images(IMAGE):
        unique = len({hdu.version for hdu in found}) == len(found)
        return {hdu.version if unique else k: hdu for k, hdu in enumerate(found, start=1)}
    mission = file.text("TELESCOP")
    if mission in ("JWST", "HST") and any(hdu.name for hdu in file.hdus):
        raise FileError(
            f"{file.path} must have an extension {IMAGE}, like files of {mission}, got "
            f"{file.describe()}"
        )
    celestial = [hdu for hdu in file.hdus if hdu.is_image and hdu.is_celestial]
    images = [hdu for hdu in celestial if not is_auxiliary(hdu)]
    if not images:
        _raise_without_image(file, celestial)
    names = [hdu.name for hdu in images]
    return {hdu.name if names.count(hdu.name) == 1 and hdu.name else hdu.index: hdu
            for hdu in images}  # fmt: skip


def _raise_without_image(file: FitsFile, celestial: list[Hdu]) -> None:
    """Raise a `FileError` that names the images which are not exposures."""
    if celestial:
        raise FileError(
            f"{file.path} must have an image, got only errors, weights or flags, according to the "
            f"names {', '.join(hdu.label for hdu in celestial)}: to use one of them as an image, "
            f"choose it with group={celestial[0].name!r}"
        )
    others = ", ".join(hdu.label for hdu in file.hdus if hdu.is_image) or "none"
    cubes = [
        f"{hdu.label} ({' x '.join(map(str, hdu.shape))})"
        for hdu in file.hdus
        if hdu.shape and len(hdu.shape) > 2
    ]
    more = f"; got also images with more axes: {', '.join(cubes)}" if cubes else ""
    raise FileError(
        f"{file.path} must have an image with a celestial WCS (CTYPE1, CTYPE2); "
        f"its two-dimensional images are {others}{more}"
    )


def read(file: FitsFile, options: ReadOptions) -> Contents:
    """Return the exposure that the options select.

    Raises
    ------
    FileError
        The file has no such exposure, or has several and the options select none.
    InvalidInputError
        An option is only for files of Roman.
    """
    if options.var_sky:
        raise InvalidInputError(
            "var_sky=True is an option for files of Roman: use variance= for other files"
        )
    image, name, several = _choose(file, options.group)
    mission = file.text("TELESCOP")
    if image.name == IMAGE and mission in ("JWST", "HST"):
        contents = (jwst if mission == "JWST" else hst).read(file, image, name)
    else:
        contents = _read_any(file, image, name, several)
    contents.compressed, contents.tile_rows = file.compressed, image.tile_rows
    weight = file.partner(image, name_in(COADD_WEIGHT, image))
    if weight is not None and weight.shape == image.shape:
        contents.planes[DATA] = where_weighted(contents.planes[DATA], file, weight)
    for role, where in options.companions.items():
        _add_role(contents, role, *_companion(file, image, role, where))
    return contents


def _choose(file: FitsFile, group: Group | None) -> tuple[Hdu, str, bool]:
    """Return the image of a group, the name of its exposure, and whether there are several."""
    if group is not None and (chosen := _auxiliary_group(file, group)) is not None:
        return chosen, f"{file.name}[{chosen.name or chosen.index}]", False
    known = groups(file)
    listed = ", ".join(map(repr, known))
    if group is None and len(known) > 1:
        raise FileError(
            f"{file.path} holds {len(known)} exposures: choose one with group= ({listed}), or "
            "open all of them with xresample.open_exposures"
        )
    if group is None:
        key, image = next(iter(known.items()))
        _check_file_name(file, image, key)
        return image, file.name, False
    wanted = group.upper() if isinstance(group, str) else group
    if wanted not in known:
        raise FileError(f"group must be one of {listed} for {file.path}, got {group!r}")
    if len(known) == 1:
        return known[wanted], file.name, False
    label = f"{IMAGE},{wanted}" if known[wanted].name == IMAGE else wanted
    return known[wanted], f"{file.name}[{label}]", True


def _check_file_name(file: FitsFile, image: Hdu, key: Group) -> None:
    """Raise a `FileError` if the only image of a file is auxiliary according to the file name."""
    suffix = auxiliary_suffix(file.path)
    single = sum(hdu.shape is not None for hdu in file.hdus) == 1
    if suffix is not None and single and image.name != IMAGE:
        raise FileError(
            f"{file.path} must hold an image, got errors, weights or flags according to the "
            f"{suffix!r} in its name: give the file as err=, variance=, weight=, dq= or "
            f"weight_map= of the image. To use it as an image, choose it with group={key!r}"
        )


def _auxiliary_group(file: FitsFile, group: Group) -> Hdu | None:
    """Return an image of errors, weights or flags that the user wants as an image, or else None."""
    if not isinstance(group, str):
        return None
    found = [hdu for hdu in file.images(group.upper()) if hdu.is_celestial and is_auxiliary(hdu)]
    return found[0] if found else None


def _read_any(file: FitsFile, image: Hdu, name: str, several: bool) -> Contents:
    """Return the exposure of an image in a file of an unknown origin."""
    attrs = {q: file.epoch(keywords, image.header) for q, keywords in _EPOCHS.items()}
    attrs["exposure_time"] = file.number(_EXPOSURE_TIME, image.header)
    group_id = _group_id(file, image) if several else None
    contents = Contents(
        name,
        {DATA: file.image_plane(image)},
        _wcs_of(file, image),
        {**attrs, **facts_in(file, image), "group_id": group_id},
        file.text("BUNIT", image.header),
    )
    # Without names such as SCI or A.SCI, nothing says which of several images a plane belongs to.
    if several and image.name != IMAGE and "." not in image.name:
        return contents
    for hdu in _partners(file, image):
        if role := role_of(hdu):
            _add_role(contents, role, file, hdu, replace=False)
        elif (variable := variable_of(hdu.name)) not in (None, DATA):
            contents.planes[str(variable)] = file.image_plane(hdu)
    return contents


def _partners(file: FitsFile, image: Hdu) -> list[Hdu]:
    """Return the images that belong to an image and have its shape, in the order of the file."""
    names = dict.fromkeys(hdu.name for hdu in file.hdus)
    wanted = {name_in(base, image) for base in ROLES}
    found = [file.partner(image, name) for name in names if name in wanted or variable_of(name)]
    alike = [hdu for hdu in found if hdu is not None and hdu.shape == image.shape]
    return sorted((hdu for hdu in alike if hdu is not image), key=lambda hdu: hdu.index)


def _add_role(
    contents: Contents, role: Role, file: FitsFile, hdu: Hdu, replace: bool = True
) -> None:
    """Add the planes of an image with a role; other planes of these names win unless replaced."""
    for key, plane in planes_in_role(role, file, hdu).items():
        if replace or key not in contents.planes:
            contents.planes[key] = plane
            if key == DQ:
                contents.flags = named_flags(hdu.header) or contents.flags
    if role == "weight" and hdu.shape == contents.planes[DATA].shape:
        contents.planes[DATA] = where_weighted(contents.planes[DATA], file, hdu)


def _group_id(file: FitsFile, image: Hdu) -> str:
    """Return the name that images of one file share if they were taken together.

    Files in different folders can have the same name, so the name contains the folder.
    """
    path = file.source.key
    images = groups(file).values()
    starts = {
        hdu.index: tuple(str(value_in(hdu.header, keyword, "")) for keyword in _STARTS)
        for hdu in images
    }
    if len(set(starts.values())) == 1:
        return path
    return f"{path}[{' '.join(filter(None, starts[image.index]))}]"


def _wcs_of(file: FitsFile, image: Hdu) -> Callable[[], str] | None:
    """Return a function that gives the WCS: the text of `fits_writer`, or else the header."""
    table = file.find("ASDF")
    if table is not None and b"\nwcs:" in file.first_cell(table):
        return partial(text_wcs, file.source, table.index)
    return file.wcs_of(image)


def _companion(file: FitsFile, image: Hdu, role: Role, where: str) -> tuple[FitsFile, Hdu]:
    """Return the file and the HDU of a plane in an extension of the file or in another file."""
    if not exists(where) and (own := _named(file, where, image)) is not None:
        return file, own
    path, extension = where, None
    if (is_remote(where) or not exists(where)) and (parts := _EXTENSION.match(where)):
        path, extension = parts.groups()
    if not exists(path):
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
    return other, found


def _named(file: FitsFile, name: str, image: Hdu) -> Hdu | None:
    """Return an HDU by its number, name, or name and version.

    A name without a version means the partner of ``image``, if there is one.
    """
    if name.isdigit():
        return next((hdu for hdu in file.hdus if hdu.index == int(name)), None)
    base, _, version = name.upper().partition(",")
    if version.strip().isdigit():
        return file.find(base, int(version))
    return file.partner(image, base) or file.find(base)
