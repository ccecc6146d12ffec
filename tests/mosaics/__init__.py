"""Tests of ``xresample.mosaics``."""
