"""Secrets and master keys, classification and masking, audit, principals."""
