"""The kernels by number, as the compiled code knows them."""

SQUARE, TURBO, POINT, GAUSSIAN, LANCZOS2, LANCZOS3 = range(6)
