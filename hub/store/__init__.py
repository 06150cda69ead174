"""The hub's database: SQLite (WAL) or PostgreSQL, through SQLAlchemy Core. SQLAlchemy never leaves here."""
