"""Triggers that refuse changes of the audit chain, on both databases. The owner of the tables can drop
them: they stop mistakes and other roles; the checkpoints kept outside show the rest."""

from __future__ import annotations

from hub.store.database import Database

MESSAGE = "the audit chain is append-only"


def protect(database: Database) -> None:
    """Make the triggers anew."""
    with database.begin() as connection:
        for statement in _POSTGRES if database.dialect == "postgresql" else _SQLITE:
            connection.exec_driver_sql(statement)


_POSTGRES = (
    f"""CREATE OR REPLACE FUNCTION cophub_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'insufficient_privilege'; END $$""",
    "DROP TRIGGER IF EXISTS cophub_append_only ON audit",
    """CREATE TRIGGER cophub_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION cophub_audit_append_only()""",
    "DROP TRIGGER IF EXISTS cophub_append_only ON audit_checkpoint",
    """CREATE TRIGGER cophub_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION cophub_audit_append_only()""",
)
_SQLITE = tuple(
    statement
    for table in ("audit", "audit_checkpoint")
    for act in ("UPDATE", "DELETE")
    for statement in (
        f"DROP TRIGGER IF EXISTS {table}_no_{act.lower()}",
        f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    )
)
