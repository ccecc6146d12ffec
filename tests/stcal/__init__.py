"""Tests of ``xresample.stcal``."""
