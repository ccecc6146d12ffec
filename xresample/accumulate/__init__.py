"""One exposure into the planes of a mosaic: admission, window, scales, weights, launch."""
