"""Tests of the readers, on files that the tests make after the layouts of the missions."""
