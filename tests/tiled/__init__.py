"""Tests of mosaics in tiles: planned, lazy, in stores."""
