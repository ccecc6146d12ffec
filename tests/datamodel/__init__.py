"""Tests of ``xresample.datamodel``."""
