"""Files as exposures: the engine ``xresample`` of `xarray.open_dataset`."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from typing import Any, ClassVar

import xarray as xr
from xarray.backends import BackendEntrypoint

from xresample.errors import FileError, InvalidInputError

from .contents import Group, Request

__all__ = ["XResampleBackend", "open_exposures"]

_SUFFIXES = (".fits", ".fit", ".fts", ".fz", ".fits.gz", ".fit.gz", ".asdf")
_HEAD = 80
_NOT_OURS = (b"CDF", b"\x89HDF", b"PK\x03\x04")
"""First bytes of netCDF and HDF5 files and of zip archives."""


class XResampleBackend(BackendEntrypoint):
    """Opens exposures of JWST, Roman and HST, and FITS images with a WCS on the sky."""

    description = "Exposures of JWST, Roman and HST, and any FITS image with a WCS on the sky"
    open_dataset_parameters: ClassVar[tuple[str, ...]] = (
        *("filename_or_obj", "drop_variables", "group"),
        *("err", "variance", "weight", "dq", "var_sky"),
    )

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether the first bytes are those of a FITS or an ASDF file.

        What cannot be recognised, such as an empty file, is taken by its suffix, so that the
        error says what is wrong with it.

        Parameters
        ----------
        filename_or_obj : str or os.PathLike
            What was given to `xarray.open_dataset`.
        """
        path = _local(filename_or_obj)
        head = None if path is None else _head(path)
        if path is None or head is None:
            return False
        if _kind(head) is not None:
            return True
        return path.lower().endswith(_SUFFIXES) and not head.startswith(_NOT_OURS)

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
        var_sky: bool = False,
    ) -> xr.Dataset:
        """Open an exposure; only headers are read.

        Parameters
        ----------
        filename_or_obj : str or os.PathLike
            A file; what it is is read from its content.
        drop_variables : str or iterable of str, optional
            Variables to leave out.
        group : str or int, optional
            Which exposure of a FITS file with several: EXTVER of an extension SCI, else EXTNAME,
            else the number of the HDU.
        err, variance, weight, dq : str or os.PathLike, optional
            Where the standard deviations, variances, inverse variances or flags are: an
            extension, such as ``"WHT"``, or another file, such as ``"w.fits"`` or
            ``"w.fits[S21]"``. Variances and weights become ``var_rnoise``, which ``"ivm"`` uses.
            Values of flags are taken as bits.
        var_sky : bool, optional
            Whether to add ``var_sky``, which ``weight_type="ivm-sky"`` uses (Roman). It contains
            ``var_rnoise``: leave it out of errors with ``error_from_variances=``.

        Returns
        -------
        xarray.Dataset
            The exposure. No file stays open.

        Raises
        ------
        FileError
            The file is cut off, is of another kind, or lacks what is needed; says what.
        """
        path = _local(filename_or_obj)
        if path is None:
            raise InvalidInputError(
                f"Given was {filename_or_obj!r}: needed is the path of a file on this machine"
            )
        companions = {"err": err, "variance": variance, "weight": weight, "dq": dq}
        where = {k: os.fspath(v) for k, v in companions.items() if v is not None}
        request = Request(group=group, var_sky=var_sky, **where)
        drop = [drop_variables] if isinstance(drop_variables, str) else drop_variables or ()
        if _kind_of(path) == "asdf":
            from . import roman

            return roman.read(path, request).dataset(drop)
        from . import fits_image
        from .fits_file import FitsFile

        return fits_image.read(FitsFile.open(path), request).dataset(drop)


def open_exposures(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], **options: Any
) -> list[xr.Dataset]:
    """Open all exposures of one or more files, lazily.

    Parameters
    ----------
    paths : str, os.PathLike or iterable of these
        The files. One with several chips gives several exposures.
    **options
        For `xarray.open_dataset`, such as ``chunks=``, and for its engine ``xresample``.

    Returns
    -------
    list of xarray.Dataset
        The exposures, in the order of the files and of their extensions.

    Raises
    ------
    FileError
        A file is cut off, is of another kind, or lacks what is needed; says what.

    Examples
    --------
    >>> import xresample as xrs
    >>> xrs.open_exposures([])
    []
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else paths
    exposures = []
    for entry in given:
        path = os.fspath(entry)
        for group in _groups(path, options):
            found = {**options} if group is None else {**options, "group": group}
            exposures.append(xr.open_dataset(path, engine="xresample", **found))
    return exposures


def _groups(path: str, options: dict[str, Any]) -> list[Group | None]:
    """Return what tells the exposures of a file apart; None where there is but one."""
    if "group" in options or _kind_of(path) == "asdf":
        return [None]
    from .fits_file import FitsFile
    from .fits_image import groups

    known = list(groups(FitsFile.open(path)))
    return [None] if len(known) == 1 else [*known]


def _local(given: Any) -> str | None:
    """Return the path of a local file; None for anything else."""
    if not isinstance(given, str | os.PathLike):
        return None
    path = os.fspath(given)
    if not isinstance(path, str) or "://" in path:
        return None
    return os.path.expanduser(path)


def _head(path: str) -> bytes | None:
    """Return the first bytes of a file, unpacked; None where there is no such file."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(4096)
    except (OSError, ValueError):
        return None
    if head.startswith(b"\x1f\x8b"):
        try:
            head = zlib.decompressobj(wbits=31).decompress(head, _HEAD)
        except zlib.error:
            return b""
    return head[:_HEAD]


def _kind(head: bytes) -> str | None:
    """Return what a file is by its first bytes."""
    if head.startswith(b"SIMPLE  ="):
        return "fits"
    return "asdf" if head.startswith(b"#ASDF") else None


def _kind_of(path: str) -> str:
    """Return what a file is, or say that it is nothing that can be read."""
    head = _head(path)
    if head is None:
        with open(path, "rb"):  # the system says best what is wrong
            pass
        raise FileError(f"{path} cannot be read")
    if not head:
        raise FileError(f"{path} is empty or cut off: there is no header")
    kind = _kind(head)
    if kind is None:
        raise FileError(
            f"{path} is neither a FITS file, which starts with 'SIMPLE  =', nor an ASDF file, "
            f"which starts with '#ASDF': it starts with {head[:16]!r}"
        )
    return kind
