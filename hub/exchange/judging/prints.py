"""Prints: of each field that a target acknowledged four signs, by which a later plan knows what it changes.

The values themselves are not kept. A print is keyed with what only the hub can make, so that it tells
nobody a value; two values share one by chance once in 65,536, which is exact enough to count by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from hub.exchange.map import FEW
from hub.exchange.runfile import RunFile, sql_text
from hub.exchange.staging import stage, stage_keys, take
from hub.security.signing import Signer
from hub.store import guarded
from hub.store.bulk import Bulk
from hub.store.database import Database
from hub.store.journal import Lease, fence

PURPOSE = b"cophub/1/print"
CHANGED = "operation IN ('update', 'enable')"


@dataclass(frozen=True, slots=True)
class Differences:
    """Per field how many values the updates change, and how many they empty. ``before`` says where the
    field stood in the prints: mapping's hash, place."""

    changed: dict[str, int]
    nulled: dict[str, int]
    before: dict[str, tuple[int, int]]


def salt(signer: Signer) -> str:
    """Ed25519 signatures are deterministic, and only the hub can make this one."""
    return hashlib.sha256(signer.sign(PURPOSE).encode()).hexdigest()


def _print(field: str, secret: str) -> str:
    """DuckDB SQL of a field's print in a row of ``sending``."""
    value = f"json_extract_string(body, {sql_text('$.' + _quoted(field))})"
    return (
        f"CASE WHEN coalesce({value}, '') = '' THEN {sql_text(guarded.EMPTY)} "
        f"ELSE substr(md5({sql_text(secret)} || {value}), 1, {guarded.WIDTH}) END"
    )


def _quoted(field: str) -> str:
    return '"' + field.replace('"', '\\"') + '"'


def differences(
    run: RunFile, session: Bulk, number: int, fields: Sequence[str], signer: Signer
) -> Differences:
    """What the updates in ``sending`` change, as far as it is known what was acknowledged before."""
    nothing = Differences({}, {}, {})
    count = run.one(f"SELECT count(*) FROM sending WHERE {CHANGED}")
    if not count or not (known := guarded.names_of(session, number)):
        return nothing
    wanted = None
    if count <= FEW * 10:
        wanted = stage_keys(run, session, "printed_keys", f"SELECT key FROM sending WHERE {CHANGED}")
    take(run, "printed", guarded.prints(session, number, wanted))
    secret, found = salt(signer), nothing
    for map_hash, names in known.items():
        for field in (name for name in fields if name in names):
            place = names.index(field)
            old = f"substr(p.prints, {guarded.WIDTH * place + 1}, {guarded.WIDTH})"
            new, empty = _print(field, secret), sql_text(guarded.EMPTY)
            changed, nulled = run.sql(
                f"SELECT count(*) FILTER (old <> new), count(*) FILTER (old <> {empty} AND new = {empty}) "
                f"FROM (SELECT {old} AS old, {new} AS new FROM sending s JOIN printed p USING (key) "
                f"WHERE s.{CHANGED} AND p.hash = s.expected AND p.map_hash = {map_hash})"
            )[0]
            found.changed[field] = found.changed.get(field, 0) + changed
            found.nulled[field] = found.nulled.get(field, 0) + nulled
            found.before.setdefault(field, (map_hash, place))
    return found


def remember(
    run: RunFile,
    database: Database,
    held: Sequence[Lease],
    number: int,
    map_hash: int,
    fields: Sequence[str],
    signer: Signer,
) -> None:
    """After a delivery: keep the prints of what was acknowledged of ``sending``."""
    if not run.one("SELECT count(*) FROM sending"):
        return
    secret = salt(signer)
    signs = " || ".join(_print(field, secret) for field in fields)
    with database.bulk(write=True) as session:
        fence(session, held)
        rows = stage(
            run,
            session,
            "prints",
            guarded.PRINTS,
            f"SELECT key, hash, {signs} AS prints FROM sending WHERE operation NOT IN ('disable', 'delete')",
        )
        deleted = "SELECT key FROM sending WHERE operation = 'delete'"
        some = run.one(f"SELECT count(*) FROM ({deleted})")
        gone = stage_keys(run, session, "prints_gone", deleted) if some else None
        disabled = "SELECT key, hash, '' AS prints FROM sending WHERE operation = 'disable'"
        if run.one(f"SELECT count(*) FROM ({disabled})"):
            guarded.stay(session, number, stage(run, session, "prints_partly", guarded.PRINTS, disabled))
        guarded.remember(session, number, map_hash, list(fields), rows, gone)
