"""Functions of mosaics: start, add, co-add, merge, inspect."""
