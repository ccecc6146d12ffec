"""Tests of xresample, in the same folders as the package."""
