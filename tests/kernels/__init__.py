"""The tests of the kernels."""
