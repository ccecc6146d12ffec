"""Benchmarks against stcal and drizzle; run with ``python -m tests.benchmarks``."""
