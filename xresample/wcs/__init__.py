"""Pixels and the sky: WCS objects and texts, frames, footprints and pixel maps."""
