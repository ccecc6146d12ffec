"""Tests of ``xresample.drizzle``."""
