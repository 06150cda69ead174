"""Proposals of field pairs between a resource and a model: drafts only, which nothing runs."""
