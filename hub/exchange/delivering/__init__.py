"""Bringing a target to what it should hold, once each, whatever happens on the way."""
