"""Tests of ``xresample.tiled``."""
