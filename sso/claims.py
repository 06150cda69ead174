"""What a client is told of a person: fields of his golden record, and his account in the client's system."""

from __future__ import annotations

import datetime as dt
import decimal
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from hub.security.masking import Sight, mask
from hub.store.models import entity_table
from hub.store.sso_clients import claims_of
from hub.workspace.sso import ACCOUNT, ClientFile, scope_of
from sso.ground import Provider, Whom

Asked = Mapping[str, Any]
"""The parameter ``claims`` (OpenID Connect Core 1.0, 5.5)."""


def wanted(file: ClientFile, scope: str, asked: Asked | None, where: str) -> list[str]:
    """Names of declared claims that go to ``where`` (userinfo, id_token): by the scopes that were granted, and those
    that were asked for by name."""
    scopes = set(scope.split())
    by_scope = where == "userinfo" or file.in_id_token
    part = (asked or {}).get(where)
    named = set(part) if isinstance(part, Mapping) else set()
    return [
        name
        for name, rule in file.claims.items()
        if (by_scope and scope_of(name, rule) in scopes) or name.partition(".")[0] in named
    ]


def told(
    here: Provider, file: ClientFile, whom: Whom, names: Iterable[str], sight: Sight | None = None
) -> dict[str, Any]:
    """Values of claims; those without one are left out. ``sight`` masks them, for somebody else than the client."""
    rules = {name: file.claims[name] for name in names}
    fields = [rule.field for rule in rules.values() if rule.field not in (None, ACCOUNT)]
    row: Mapping[str, Any] = {}
    if fields:
        table = entity_table(here.model)
        row = claims_of(here.hub.database, table, whom.person, sorted(map(str, set(fields)))) or {}
    found: dict[str, Any] = {}
    for name, rule in rules.items():
        value = rule.value if rule.field is None else whom.name if rule.field == ACCOUNT else row.get(rule.field)
        field = here.hub.workspace.models[here.model].fields.get(rule.field or "")
        if sight is not None and field is not None and rule.field != ACCOUNT:
            value = mask(value, field.level, field, sight)
        if value not in (None, "", []):
            _put(found, name.split("."), _plain(value))
    return found


def _put(into: dict[str, Any], path: list[str], value: Any) -> None:
    for step in path[:-1]:
        into = into.setdefault(step, {})
    into[path[-1]] = value


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return int(value.timestamp())
    if isinstance(value, dt.date | uuid.UUID | decimal.Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
