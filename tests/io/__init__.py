"""Tests of ``xresample.io``."""
