"""Entities that are one: what they are together, making them so, and undoing it."""
