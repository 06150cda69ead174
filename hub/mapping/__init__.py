"""Mappings: expressions checked and rendered as SQL, run column by column by DuckDB."""
