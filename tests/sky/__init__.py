"""Tests of ``xresample.sky``."""
