"""The tests of xresample; they mirror its modules."""
