"""Benchmarks: the jobs of the documentation, measured on this machine beside their peers."""
