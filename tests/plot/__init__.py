"""Tests of ``xresample.plot``."""
