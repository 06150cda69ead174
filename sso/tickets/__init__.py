"""Tickets by which systems without a protocol of log-in let somebody in: one module for each dialect."""
