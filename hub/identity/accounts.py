"""The accounts of a person in every system, by the links of the exchanges that read or write them, and why each is his.

An account is not a person: it is a record of a system that stands for one. Several exchanges may know the same account,
one that reads it and one that writes it; it is told once, with all of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.errors import ConfigError
from hub.exchange.keytokens import Keys
from hub.identity.view import View
from hub.store import linked

Row = Mapping[str, Any]
Account = tuple[str, str, str]
"""System, resource, and what it is called there."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is so: a stable code, and the sentence."""

    code: str
    message: str


def accounts(view: View, person: uuid.UUID) -> list[dict[str, Any]]:
    """The accounts of a person in the systems that the reader may see."""
    found: dict[Account, list[Row]] = {}
    for row in _rows(view, person):
        found.setdefault((row["system"], row["resource"], _called(row)), []).append(row)
    keys = Keys(view.hub, view.sight)
    return [_told(account, rows, keys) for account, rows in sorted(found.items())]


def _rows(view: View, person: uuid.UUID) -> list[Row]:
    with view.hub.database.begin(reading=True) as connection:
        ids = linked.with_merged(connection, person)
        rows = linked.records(connection, view.people.model, ids)
    return [row for row in rows if row["system"] in view.systems]


def _called(row: Row) -> str:
    """What the record is called in its system: of a target the key that people know it by."""
    if row["direction"] == "inbound":
        return str(row["key"])
    return str(row["foreign_key"] or row["foreign_id"] or row["key"])


def _told(account: Account, rows: Sequence[Row], keys: Keys) -> dict[str, Any]:
    system, resource, called = account
    first = rows[0]
    shown = keys.shown if first["direction"] == "inbound" else keys.foreign
    return {
        "system": system,
        "resource": resource,
        "account": shown(first["exchange"], called),
        "id": keys.foreign(first["exchange"], first["foreign_id"]) or None,
        "state": _state(rows),
        "exchanges": sorted({row["exchange"] for row in rows}),
        "direction": "both" if len({row["direction"] for row in rows}) > 1 else first["direction"],
    }


def _state(rows: Sequence[Row]) -> str:
    if all(row["absent_at"] is not None for row in rows):
        return "absent"
    return "disabled" if all(row["over"] for row in rows if row["absent_at"] is None) else "active"


def explain(view: View, person: uuid.UUID, system: str, account: str) -> list[Reason]:
    """Why an account of a system is this person's; the first reason is the decisive one. ConfigError
    ``account.unknown``: no exchange links it to him."""
    rows = [
        row
        for row in _rows(view, person)
        if row["system"] == system and account in (row["key"], row["foreign_id"], row["foreign_key"])
    ]
    if not rows:
        raise ConfigError(
            "account.unknown",
            f"no exchange links an account of that name in {system} to this person",
            hint=_hint(view, system, account),
        )
    reasons: list[Reason] = []
    with view.hub.database.begin(reading=True) as connection:
        for row in rows:
            reasons += _why(row, linked.said(connection, row["source"], row["key"]))
        others = {row["entity"] for row in rows} - {person}
        for one in linked.merges_of(connection, others):
            for_whom = f" for {one['on_behalf']}" if one["on_behalf"] else ""
            reasons.append(
                Reason(
                    "account.merged",
                    f"it was that of {one['loser']}, who was merged into this person by {one['made_by']}{for_whom} "
                    f"on {one['made_at']:%Y-%m-%d}: {one['reason']}",
                )
            )
    order = ("account.said", "account.rule", "account.written", "account.own", "account.merged")
    return sorted(reasons, key=lambda one: order.index(one.code))


def _why(row: Row, said: Row | None) -> list[Reason]:
    exchange = row["exchange"]
    if said is not None and said["kind"] in ("link", "create"):
        for_whom = f" for {said['on_behalf']}" if said["on_behalf"] else ""
        told = f"{said['decided_by']}{for_whom} said so on {said['decided_at']:%Y-%m-%d}: {said['reason']}"
        return [Reason("account.said", f"{exchange}: {told}")]
    if row["rule"]:
        likeness = ", ".join(f"{name} {one.get('likeness', '')}".strip() for name, one in row["why"].items())
        told = f"the rule {row['rule']} found it, confidence {row['confidence']:.3f}"
        at = f", on {row['at']:%Y-%m-%d}"
        return [Reason("account.rule", f"{exchange}: {told}{at}" + (f" ({likeness})" if likeness else ""))]
    if row["direction"] != "inbound":
        return [Reason("account.written", f"{exchange} wrote it from this person's record")]
    return [Reason("account.own", f"{exchange} made this person from it, or knew it by its key from the beginning")]


def _hint(view: View, system: str, account: str) -> str:
    with view.hub.database.begin(reading=True) as connection:
        rows = linked.holders(connection, view.people.model, system, account) if system in view.systems else []
    inbound = next((row for row in rows if row["direction"] == "inbound"), None)
    if inbound is None:
        return "see the person's accounts: cophub people accounts PERSON"
    return f"cophub why {inbound['exchange']} {account} tells whose it is"
