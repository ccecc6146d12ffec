"""Tests of ``xresample.accumulate``."""
