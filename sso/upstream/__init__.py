"""OpenID providers by which people log in: the hub as their relying party."""
