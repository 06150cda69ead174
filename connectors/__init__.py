"""Connectors: one file per protocol, strangers to each other."""
