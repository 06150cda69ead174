"""Whether a plan may be applied: completeness, limits, approval."""
