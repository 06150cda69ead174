"""Tryton's JSON-RPC, as its own clients speak it (checked with 8.0).

Values of types JSON lacks are objects with ``__class__``. Errors stand under status 200 as a name with arguments, or
as a text with a traceback, which is never shown. Every call is one transaction: what fails had no effect.
"""

from __future__ import annotations

import base64
import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import InvalidOperation
from typing import Any

import msgspec

from connectors.jsonrpc.calls import RELATIONS, Call, Domain, Fault, Kind, Kinds
from connectors.jsonrpc.declared import RpcSettings
from connectors.jsonrpc.values import (
    clock,
    day,
    encoded,
    iso,
    moment,
    number,
    octets,
    real,
    truth,
    whole,
)
from hub.errors import AuthError, Fatal
from hub.http import Login, Post, Response

_RETRY = ("OperationalError", "database is locked", "could not serialize", "deadlock")


class Tryton:
    """The dialect of Tryton."""

    nests = True
    version = "_timestamp"

    def __init__(self, settings: RpcSettings) -> None:
        self._settings = settings
        self._ids = itertools.count(1)
        self.context: dict[str, Any] = {}

    # ------------------------------------------------------------------ the session

    def login(self) -> Login | None:
        return Login(self._begin, scheme="Session", place=self._settings.url)

    def _begin(self, post: Post) -> tuple[str, float]:
        basic = self._settings.auth.basic if self._settings.auth else None
        if basic is None or basic.password is None:
            raise AuthError("auth.refused", "there are no user and password", hint="write auth: basic")
        call = self._call("common.db.login", basic.username, {"password": basic.password.reveal()}, None)
        url = f"{self._settings.url.rstrip('/')}/{call.path}"
        answer = post(url, {"Content-Type": "application/json"}, msgspec.json.encode(call.body))
        result = self.result(answer) if answer.ok else None
        if not isinstance(result, list) or len(result) < 2:
            raise AuthError(
                "auth.refused", "the log-in was refused", where=answer.where,
                hint="check auth: and that url: ends with the database; a second factor cannot be given",
            )  # fmt: skip
        user, token = result[0], result[1]
        return base64.b64encode(f"{basic.username}:{user}:{token}".encode()).decode(), math.inf

    def headers(self) -> Mapping[str, str]:
        return {}

    # ------------------------------------------------------------------ calls

    def prepare(self) -> Call | None:
        return self._call("model.res.user.get_preferences", True, {})

    def fields(self, model: str) -> Call:
        return self._model(model, "fields_get", [])

    def count(self, model: str, domain: Domain) -> Call:
        return self._model(model, "search_count", domain)

    def search(
        self, model: str, domain: Domain, names: Sequence[str], order: Sequence[str], limit: int
    ) -> Call:
        by = [[name, "ASC"] for name in order]
        return self._model(model, "search_read", domain, 0, limit, by, list(names))

    def create_all(self, model: str, several: Sequence[Mapping[str, Any]]) -> Call:
        return self._model(model, "create", [dict(one) for one in several])

    def write(self, model: str, identity: int, values: Mapping[str, Any], version: str | None) -> Call:
        return self._model(
            model, "write", [identity], dict(values), context=self._at(model, identity, version)
        )

    def delete(self, model: str, identity: int, version: str | None) -> Call:
        return self._model(model, "delete", [identity], context=self._at(model, identity, version))

    def press(self, model: str, method: str, identity: int, version: str | None) -> Call:
        return self._model(model, method, [identity], context=self._at(model, identity, version))

    def _at(self, model: str, identity: int, version: str | None) -> dict[str, Any]:
        """The context by which the server compares the time of the last change with the one seen."""
        return {"_timestamp": {f"{model},{identity}": version}} if version else {}

    def _model(
        self, model: str, method: str, *arguments: Any, context: Mapping[str, Any] | None = None
    ) -> Call:
        return self._call(f"model.{model}.{method}", *arguments, {**self.context, **(context or {})})

    def _call(self, method: str, *arguments: Any) -> Call:
        # exactly these members: else the server takes it for another protocol and answers by HTTP statuses
        return Call("rpc/", {"id": next(self._ids), "method": method, "params": list(arguments)}, method)

    # ------------------------------------------------------------------ answers

    def result(self, answer: Response) -> Any:
        said = answer.json()
        if not isinstance(said, dict) or not ("result" in said or "error" in said):
            raise Fatal(
                "jsonrpc.answer", "the answer is none of Tryton's", where=answer.where, hint="check url:"
            )
        if not said.get("error"):
            return said.get("result")
        error = said["error"]
        name, arguments = (
            (error[0], error[1]) if isinstance(error, list) and len(error) > 1 else (str(error), "")
        )
        if isinstance(arguments, list):
            words = ": ".join(str(one) for one in arguments[:2] if one)
            match name:
                case "UserError":
                    return Fault("rejected", words)
                case "UserWarning":  # a person would be asked; its name is of no use to anybody
                    return Fault("rejected", f"a warning that a person must confirm: {arguments[1:2]}")
                case "LoginException":
                    return Fault("auth", "the log-in wants more than a password")
        if name == "ConcurrencyException":
            return Fault("conflict", str(arguments))
        said_of = f"{name} {arguments}"
        return Fault("retry" if any(one in said_of for one in _RETRY) else "failed", str(name))

    def refusal(self, answer: Response) -> Fault | None:
        return None

    # ------------------------------------------------------------------ values

    def both(self, domain: Domain, conditions: Domain) -> Domain:
        return [domain, *conditions] if domain else conditions

    def empty(self) -> Any:
        return None

    def names(self, wanted: Mapping[str, Any], kinds: Kinds) -> list[str]:
        made = []
        for name, inner in wanted.items():
            nested = kinds[name].type in RELATIONS if name in kinds else True
            made += [f"{name}.{one}" for one in self.names(inner, {})] if inner and nested else [name]
        return made

    def decode(self, kind: Kind | None, value: Any) -> Any:
        if isinstance(value, dict):
            return _decoded(kind, value)
        if kind is not None and kind.type == "boolean" and value is not None:
            return bool(value)  # SQLite knows no other truth than 1 and 0
        return value

    def encode(self, kind: Kind, value: Any) -> Any:
        return None if value is None else encoded(kind, value, _ENCODE)

    def replaces(self, wanted: Sequence[int], there: Sequence[int]) -> Any:
        more, less = [one for one in wanted if one not in there], [one for one in there if one not in wanted]
        return ([["add", more]] if more else []) + ([["remove", less]] if less else [])

    def makes(self, values: Sequence[Mapping[str, Any]]) -> Any:
        return [["create", [dict(one) for one in values]]]


def _datetime(value: dict[str, Any]) -> str:
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return iso(dt.datetime(*(value[part] for part in parts)))


_DECODE: Mapping[str, Callable[[dict[str, Any]], Any]] = {
    "Decimal": lambda value: format(number(value["decimal"]), "f"),
    "date": lambda value: dt.date(value["year"], value["month"], value["day"]).isoformat(),
    "datetime": _datetime,
    "time": lambda value: dt.time(
        value["hour"], value["minute"], value["second"], value["microsecond"]
    ).isoformat(),
    "timedelta": lambda value: value["seconds"],
    "bytes": lambda value: "".join(value["base64"].split()),
}


def _decoded(kind: Kind | None, value: dict[str, Any]) -> Any:
    """Fatal ``jsonrpc.answer`` where what stands in the object is no value of the class that it names."""
    named = value.get("__class__")
    if not isinstance(named, str) or named not in _DECODE:
        return value
    try:
        return _DECODE[named](value)
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation, OverflowError):
        raise Fatal(
            "jsonrpc.answer", f"the answer has an object of class {named} that holds none",
            where=kind.name if kind else "", hint="ask who keeps the server; nothing of the answer was used",
        ) from None  # fmt: skip


def _split_date(made: dt.date) -> dict[str, Any]:
    return {"year": made.year, "month": made.month, "day": made.day}


def _split_time(made: dt.time | dt.datetime) -> dict[str, Any]:
    parts = ("hour", "minute", "second", "microsecond")
    return {part: getattr(made, part) for part in parts}


def encode_moment(value: Any) -> dict[str, Any]:
    made = moment(value)
    return {"__class__": "datetime", **_split_date(made), **_split_time(made)}


_ENCODE: Mapping[str, Callable[[Any], Any]] = {
    "integer": whole, "biginteger": whole, "many2one": whole, "one2one": whole, "float": real, "boolean": truth,
    "numeric": lambda value: {"__class__": "Decimal", "decimal": format(number(value), "f")},
    "date": lambda value: {"__class__": "date", **_split_date(day(value))},
    "datetime": encode_moment, "timestamp": encode_moment,
    "time": lambda value: {"__class__": "time", **_split_time(clock(value))},
    "timedelta": lambda value: {"__class__": "timedelta", "seconds": real(value)},
    "binary": lambda value: {"__class__": "bytes", "base64": base64.b64encode(octets(value)).decode()},
}  # fmt: skip
