"""COP Hub: master data, to-dos, identities and documents between systems, by declarative YAML."""

__version__ = "0.1.0"
