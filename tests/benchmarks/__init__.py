"""Benchmarks against the reference; run with ``python -m tests.benchmarks``."""
