"""The engine ``xresample`` of `xarray.open_dataset`, which opens files as exposures."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import IO, Any, ClassVar, Literal
from urllib.parse import urlsplit

import xarray as xr
from xarray.backends import BackendEntrypoint

from xresample import arguments
from xresample.errors import FileError, InvalidInputError

from .contents import Group, ReadOptions
from .other_sources import is_hdus, is_remote, local_path, on_file_system, source_of
from .source_file import SourceFile, first_bytes, first_of_stream, read_errors

__all__ = ["XResampleBackend", "open_exposures"]

Format = Literal["fits", "asdf"]

_SUFFIXES = (
    ".asdf",
    ".fz",
    *(f".{name}{end}" for name in ("fits", "fit", "fts") for end in ("", ".gz", ".bz2", ".xz")),
)
_ENGINE = "xresample"
"""Name of the engine for `xarray.open_dataset`."""

_HEAD = 80
"""Number of bytes that identify the format of a file."""

_OTHER_FORMATS = (b"CDF", b"\x89HDF", b"PK\x03\x04")
"""First bytes of netCDF and HDF5 files and of zip archives."""


class XResampleBackend(BackendEntrypoint):
    """Opens exposures of JWST, Roman and HST, and FITS images with a WCS on the sky."""

    description = "Exposures of JWST, Roman and HST, and any FITS image with a WCS on the sky"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        *("filename_or_obj", "drop_variables", "group"),
        *("err", "variance", "weight", "dq", "weight_map", "var_sky"),
    )

    url = "https://xresample.readthedocs.io/en/latest/files.html"
    supports_groups = True

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether a file starts like a FITS or an ASDF file.

        A file that starts like no known format, such as an empty file, is accepted if its name
        ends like that of a FITS or an ASDF file. Opening it then raises an error that describes
        the fault.

        Parameters
        ----------
        filename_or_obj : str, os.PathLike, file or HDUList
            The argument of `xarray.open_dataset`. A URL is judged by its name.
        """
        if is_hdus(filename_or_obj):
            return True
        path = _path(filename_or_obj)
        if path is not None and is_remote(path):
            return urlsplit(path).path.lower().endswith(_SUFFIXES)
        head = _first_of_stream(filename_or_obj) if path is None else first_bytes(path, _HEAD)
        if head is None:
            return False
        if _format(head) is not None:
            return True
        return (path or "").lower().endswith(_SUFFIXES) and not head.startswith(_OTHER_FORMATS)

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        group: Group | None = None,
        err: str | os.PathLike[str] | None = None,
        variance: str | os.PathLike[str] | None = None,
        weight: str | os.PathLike[str] | None = None,
        dq: str | os.PathLike[str] | None = None,
        weight_map: str | os.PathLike[str] | None = None,
        var_sky: bool = False,
    ) -> xr.Dataset:
        """Open an exposure; only headers are read.

        Parameters
        ----------
        filename_or_obj : str, os.PathLike, file or HDUList
            Path or URL of a FITS or ASDF file, an open file, or FITS HDUs in memory. The format is
            recognised from the content. URLs such as ``https://`` and ``s3://`` need fsspec.
        drop_variables : str or iterable of str, optional
            Variables to leave out.
        group : str or int, optional
            Which exposure of a FITS file with several exposures: the EXTVER of an extension SCI,
            or else EXTNAME, or else the number of the HDU.
        err, variance, weight, dq : str or os.PathLike, optional
            Where to find standard deviations, variances, inverse variances or flags: in an
            extension, such as ``"WHT"``, or in another file, such as ``"w.fits"`` or
            ``"w.fits[S21]"``. Variances and weights become ``var_rnoise``, which ``"ivm"`` uses.
            Values of flags are interpreted as bits.
        weight_map : str or os.PathLike, optional
            Where to find weights of any kind, in the same way. They become ``weight_map``, which
            ``weight_type="map"`` uses as they are.
        var_sky : bool, optional
            Whether to add ``var_sky``, which ``weight_type="ivm-sky"`` uses (Roman only). It
            contains ``var_rnoise``, so exclude one of the two from errors with
            ``error_from_variances=``.

        Returns
        -------
        xarray.Dataset
            The exposure. No file stays open.

        Raises
        ------
        FileError
            The file is cut off, has another format, or a required part is missing.
        """
        source = source_of(filename_or_obj)
        companions = {"err": err, "variance": variance, "weight": weight, "dq": dq}
        companions["weight_map"] = weight_map
        where = {k: arguments.path(k, v) for k, v in companions.items() if v is not None}
        options = ReadOptions(group=group, var_sky=var_sky, **where)
        drop = [drop_variables] if isinstance(drop_variables, str) else drop_variables or ()
        if _format_of(source) == "asdf":
            from . import roman

            return roman.read(source, options).dataset(source, drop)
        from . import fits_image
        from .fits_file import FitsFile

        file = FitsFile.open(source)
        return fits_image.read(file, options).dataset(file.source, drop)

    def open_groups_as_dict(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        **options: Any,
    ) -> dict[str, xr.Dataset]:
        """Open every exposure of a file, by the name of its group; only headers are read.

        Parameters
        ----------
        filename_or_obj : str, os.PathLike, file or HDUList
            Path or URL of a FITS or ASDF file, an open file, or FITS HDUs in memory.
        drop_variables : str or iterable of str, optional
            Variables to leave out.
        **options
            Options of `open_dataset`, such as ``weight=``.

        Returns
        -------
        dict of str to Dataset
            The empty root ``"/"``, and the exposures, as ``"/1"`` or ``"/S21"``.
        """
        exposures, source = {"/": xr.Dataset()}, source_of(filename_or_obj)
        for group in _groups(source, options):
            chosen = {**options} if group is None else {**options, "group": group}
            name = chosen.get("group") or 1
            exposures[f"/{name}"] = self.open_dataset(
                source, drop_variables=drop_variables, **chosen
            )
        return exposures

    def open_datatree(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        **options: Any,
    ) -> xr.DataTree:
        """Open every exposure of a file as a node of a tree; only headers are read.

        Parameters
        ----------
        filename_or_obj : str, os.PathLike, file or HDUList
            Path or URL of a FITS or ASDF file, an open file, or FITS HDUs in memory.
        drop_variables : str or iterable of str, optional
            Variables to leave out.
        **options
            Options of `open_dataset`, such as ``weight=``.

        Returns
        -------
        DataTree
            An empty root with one child per exposure, as ``tree["1"]`` or ``tree["S21"]``.
        """
        found = self.open_groups_as_dict(filename_or_obj, drop_variables=drop_variables, **options)
        return xr.DataTree.from_dict(found)


File = str | os.PathLike[str] | IO[bytes]
"""The path or the URL of a file, or an open file."""


def open_exposures(
    paths: File | Any | Iterable[File | Any],
    *,
    weight_map: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    **options: Any,
) -> list[xr.Dataset]:
    """Open all exposures of one or more files; only headers are read.

    Parameters
    ----------
    paths : str, os.PathLike, file, astropy.io.fits.HDUList or iterable of these
        The files: paths, URLs such as ``https://`` and ``s3://`` (which need fsspec), open files,
        or HDUs in memory. A file with several chips gives one exposure per chip.
    weight_map : str, os.PathLike or iterable of these, optional
        Where to find the weights for ``weight_type="map"``: an extension that all files have, or
        one file of weights per file, in the same order.
    **options
        Options of `xarray.open_dataset`, such as ``chunks=``, and of its engine ``xresample``,
        such as ``weight=``.

    Returns
    -------
    list of xarray.Dataset
        The exposures, in the order of the files and of the extensions in each file.

    Raises
    ------
    FileError
        A file is cut off, has another format, or a required part is missing.
    InvalidInputError
        The number of files of weights differs from the number of files, or a package for remote
        files is missing.

    Examples
    --------
    >>> import xresample as xrs
    >>> xrs.open_exposures([])
    []
    """
    given: Any = [paths] if _is_one(paths) else paths
    if isinstance(given, Mapping | xr.Dataset | xr.DataArray) or not arguments.is_iterable(given):
        raise InvalidInputError(
            f"paths must be the path of a file or several paths, got {arguments.shown(given)}"
        )
    given = list(given)
    arguments.choice("engine", options.pop("engine", _ENGINE), (_ENGINE,))
    # To find an engine by its name, xarray imports the engines of all installed packages. Names of
    # dask arrays contain the engine, and should be the names that `xarray.open_dataset` gives.
    engine: Any = XResampleBackend if options.get("chunks") is None else _ENGINE
    exposures = []
    for entry, weights in zip(given, _one_each(weight_map, len(given)), strict=True):
        file = entry if _is_one(entry) and _path(entry) is None else arguments.path("paths", entry)
        if weights is not None:
            options["weight_map"] = weights
        source = source_of(file)
        for group in _groups(source, options):
            found = {**options} if group is None else {**options, "group": group}
            # xarray notes the path of a local file, and dask names arrays by it.
            name: Any = file if source.is_local and _path(file) is not None else source
            exposures.append(xr.open_dataset(name, engine=engine, **found))
    return exposures


def _is_one(given: Any) -> bool:
    """Tell whether a value is one file, and not several files."""
    if isinstance(given, str | os.PathLike | SourceFile) or is_hdus(given):
        return True
    return hasattr(given, "read") or on_file_system(given)


def _one_each(weight_map: Any, count: int) -> list[str | os.PathLike[str] | None]:
    """Return where the weights of each file are; None for files without."""
    if weight_map is None or isinstance(weight_map, str | os.PathLike):
        return [weight_map] * count
    each = list(weight_map) if arguments.is_iterable(weight_map) else []
    if len(each) != count:
        raise InvalidInputError(
            f"weight_map must name one file of weights per file, {count}, got "
            f"{len(each) or arguments.shown(weight_map)}"
        )
    return each


def _groups(source: SourceFile, options: dict[str, Any]) -> list[Group | None]:
    """Return the value of ``group=`` for each exposure of a file; None for a single exposure."""
    if "group" in options or _format_of(source) == "asdf":
        return [None]
    from .fits_file import FitsFile
    from .fits_image import groups

    known = list(groups(FitsFile.open(source)))
    return [None] if len(known) == 1 else [*known]


def _path(given: Any) -> str | None:
    """Return a path or a URL as text; None for anything else, such as an open file."""
    if not isinstance(given, str | os.PathLike):
        return None
    path = os.fspath(given)
    if not isinstance(path, str):
        return None
    return path if is_remote(path) else local_path(path)


def _first_of_stream(given: Any) -> bytes | None:
    """Return the first bytes of an open file, whose position stays; None for anything else."""
    if not (hasattr(given, "read") and hasattr(given, "seek")):
        return None
    place = given.tell()
    try:
        given.seek(0)
        return None if isinstance(given.read(0), str) else first_of_stream(given, _HEAD)
    finally:
        given.seek(place)


def _format(head: bytes) -> Format | None:
    """Return the format of a file that starts with these bytes; None if it is unknown."""
    if head.startswith(b"SIMPLE  ="):
        return "fits"
    return "asdf" if head.startswith(b"#ASDF") else None


def _format_of(source: SourceFile) -> Format:
    """Return the format of a file.

    Raises
    ------
    FileError
        The file is empty, or has another format.
    """
    path = source.path
    with read_errors(path), source.opened() as stream:
        head = stream.read(_HEAD)
    if not head:
        raise FileError(f"{path} is empty or cut off, because it has no header")
    format_ = _format(head)
    if format_ is None:
        raise FileError(
            f"{path} must start with 'SIMPLE  =', like a FITS file, or with '#ASDF', like an ASDF "
            f"file, got {head[:16]!r}"
        )
    return format_
