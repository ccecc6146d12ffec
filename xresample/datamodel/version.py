"""The version of the installed package."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("xresample")
except PackageNotFoundError:  # The checkout is on sys.path, but it was never installed.
    __version__ = "0+unknown"
