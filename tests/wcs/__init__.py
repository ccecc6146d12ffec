"""Tests of ``xresample.wcs``."""
