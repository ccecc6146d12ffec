"""What is done to mosaics: start, add, co-add, merge, inspect."""
