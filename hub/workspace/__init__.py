"""The workspace: all that an integrator writes, read from YAML and checked for shape."""
