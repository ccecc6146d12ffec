"""Tests of the steps before the co-add."""
