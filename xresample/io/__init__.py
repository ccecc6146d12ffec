"""Files as exposures, and mosaics as files."""
