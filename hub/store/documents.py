"""What documents hold where they lie, as the hub last saw or sent it, and which contents are still wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, Text, cast, delete, insert, select, update

from hub.store.bulk import Bulk, Wire
from hub.store.database import Database, now
from hub.store.document_tables import document_copy
from hub.store.models import entity_table, history_table
from hub.store.review_tables import decision
from hub.store.tables import quarantine

MANY = 500


@dataclass(frozen=True, slots=True)
class Copy:
    """One document of a place: its ``revision`` held ``sha256`` of ``size`` bytes; ``base`` is what it held when the
    hub last agreed to it, None where it never did."""

    key: str
    revision: str
    sha256: str
    size: int
    base: str | None = None


def copies(database: Database, place: str, keys: Sequence[str]) -> dict[str, Copy]:
    """By key, what is known of these documents of ``system.resource``."""
    with database.begin(reading=True) as connection:
        return _copies(connection, place, keys)


def _copies(connection: Connection, place: str, keys: Sequence[str]) -> dict[str, Copy]:
    found: dict[str, Copy] = {}
    for start in range(0, len(keys), MANY):
        mine = document_copy.c.key.in_(keys[start : start + MANY])
        query = select(document_copy).where(document_copy.c.place == place, mine)
        found |= {
            row.key: Copy(row.key, row.revision, row.sha256, row.size, row.base) for row in connection.execute(query)
        }
    return found


def saw(database: Database, place: str, seen: Sequence[Copy]) -> None:
    """These documents hold this now; their bases stay."""
    _put(database, place, seen, agreed=False)


def agreed(database: Database, place: str, seen: Sequence[Copy]) -> None:
    """These documents hold this now, as the hub wants them to."""
    _put(database, place, seen, agreed=True)


def _put(database: Database, place: str, seen: Sequence[Copy], *, agreed: bool) -> None:
    if not seen:
        return
    moment = now()
    with database.begin() as connection:
        known = _copies(connection, place, [one.key for one in seen])
        _drop(connection, place, [*known])
        connection.execute(
            insert(document_copy),
            [
                {
                    "place": place,
                    "key": one.key,
                    "revision": one.revision,
                    "sha256": one.sha256,
                    "size": one.size,
                    "base": one.sha256 if agreed else known[one.key].base if one.key in known else None,
                    "seen_at": moment,
                }
                for one in {one.key: one for one in seen}.values()
            ],
        )


def _drop(connection: Connection, place: str, keys: Sequence[str]) -> None:
    for start in range(0, len(keys), MANY):
        mine = document_copy.c.key.in_(keys[start : start + MANY])
        connection.execute(delete(document_copy).where(document_copy.c.place == place, mine))


def gone(database: Database, place: str, keys: Sequence[str]) -> None:
    """These documents are not there any more."""
    with database.begin() as connection:
        _drop(connection, place, keys)


# ------------------------------------------------------------ in the transactions of a run


def bases(session: Bulk, place: str, wanted: Table | None = None) -> Wire:
    """key, sha256, base of what is known of a place, of ``wanted`` keys only."""
    query = select(document_copy.c.key, document_copy.c.sha256, document_copy.c.base)
    query = query.where(document_copy.c.place == place)
    return session.read(query if wanted is None else query.join(wanted, wanted.c.key == document_copy.c.key))


def decided(session: Bulk, number: int, wanted: Table) -> Wire:
    """id (text), key, kind, hash: what people said of these records as they were then."""
    query = select(cast(decision.c.id, Text).label("id"), decision.c.key, decision.c.kind, quarantine.c.hash)
    query = query.join(quarantine, quarantine.c.id == decision.c.review).join(wanted, wanted.c.key == decision.c.key)
    return session.read(query.where(decision.c.source == number))


def agree(session: Bulk, place: str, wanted: Table) -> None:
    """What documents of ``wanted`` keys hold is the base of what is compared next."""
    mine = document_copy.c.key.in_(select(wanted.c.key))
    session.run(
        update(document_copy).where(document_copy.c.place == place, mine).values(base=document_copy.c.sha256)
    )


# ------------------------------------------------------------ what is still wanted


def content_fields(database: Database) -> Mapping[str, Sequence[str]]:
    """Model → its fields of type content."""
    found = {
        name: [field for field, declared in model.fields.items() if declared.type == "content"]
        for name, model in database.models.items()
    }
    return {name: fields for name, fields in found.items() if fields}


def wanted(database: Database, some: Sequence[str]) -> set[str]:
    """Those of ``some`` (SHA-256) that a golden record, an earlier version of one, or a document where it lies
    holds."""
    tables = [document_copy.c.sha256, document_copy.c.base]
    for model, fields in content_fields(database).items():
        for table in (entity_table(model), history_table(model)):
            if table in database.tables:
                tables += [database.tables[table].c[field] for field in fields]
    with database.begin(reading=True) as connection:
        return {one for column in tables for one in connection.scalars(select(column).where(column.in_(some)))}
