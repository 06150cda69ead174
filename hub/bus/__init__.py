"""The bus: what the hub tells others, and what others tell it."""
