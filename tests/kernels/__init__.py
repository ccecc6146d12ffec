"""Tests of ``xresample.kernels``."""
