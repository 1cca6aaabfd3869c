"""Indexes of up to ten million vectors on one machine: ``python -m benchmarks.millions``."""
