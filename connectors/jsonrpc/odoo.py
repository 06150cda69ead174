"""Odoo, by ``execute_kw`` at /jsonrpc, or by its newer /json/2 (Odoo 19: one address per model and method).

Odoo says ``false`` where a field has no value, and times in UTC without a zone, to the second. Every call is one
transaction: what an answer refuses had no effect.
"""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.jsonrpc.calls import RELATIONS, Call, Domain, Fault, Kind, Kinds, Means
from connectors.jsonrpc.declared import RpcSettings
from connectors.jsonrpc.values import day, encoded, iso, moment, number, octets, real, truth, whole
from hub.errors import AuthError, Fatal, HubError
from hub.http import Login, Post, Response

_MEANS: Mapping[str, Means] = {
    "AccessDenied": "auth", "SessionExpiredException": "auth", "Unauthorized": "auth", "AccessError": "forbidden",
    "Forbidden": "forbidden", "MissingError": "gone", "UserError": "rejected", "ValidationError": "rejected",
    "RedirectWarning": "rejected", "IntegrityError": "rejected", "NotNullViolation": "rejected",
    "CheckViolation": "rejected", "ForeignKeyViolation": "rejected", "UniqueViolation": "conflict",
    "SerializationFailure": "retry", "LockNotAvailable": "retry", "DeadlockDetected": "retry",
    "OperationalError": "retry", "LockError": "retry", "ConcurrencyError": "retry", "TooManyRequests": "retry",
}  # fmt: skip
"""The last part of an exception's name → what it means."""
_LIST = ("type", "relation", "string", "readonly")


class Odoo:
    """The dialect of ``execute_kw``: user's number and password stand in every call."""

    nests = False
    version = "write_date"

    def __init__(self, settings: RpcSettings, token: Callable[[], str]) -> None:
        self._settings = settings
        self._token = token
        self._ids = itertools.count(1)
        self.context: dict[str, Any] = {}

    # ------------------------------------------------------------------ the session

    def login(self) -> Login | None:
        return Login(self._begin, place=f"{self._settings.url} {self._settings.database}")

    def _begin(self, post: Post) -> tuple[str, float]:
        call = self._service("common", "authenticate", [self._settings.database, *self._user(), {}])
        url = f"{self._settings.url.rstrip('/')}/{call.path}"
        answer = post(url, {"Content-Type": "application/json"}, msgspec.json.encode(call.body))
        user = self.result(answer) if answer.ok else None
        if not isinstance(user, int) or isinstance(user, bool):
            raise AuthError(
                "auth.refused", "the log-in was refused", where=answer.where, hint="check auth: and database:"
            )
        return str(user), math.inf

    def _user(self) -> list[str]:
        basic = self._settings.auth.basic if self._settings.auth else None
        if basic is None or basic.password is None:
            raise AuthError("auth.refused", "there are no user and password", hint="write auth: basic")
        return [basic.username, basic.password.reveal()]

    def headers(self) -> Mapping[str, str]:
        return {}

    # ------------------------------------------------------------------ calls

    def prepare(self) -> Call | None:
        return None

    def fields(self, model: str) -> Call:
        return self._model(model, "fields_get", None, {"attributes": list(_LIST)})

    def count(self, model: str, domain: Domain) -> Call:
        return self._model(model, "search_count", None, {"domain": domain})

    def search(
        self, model: str, domain: Domain, names: Sequence[str], order: Sequence[str], limit: int
    ) -> Call:
        by = ", ".join(f"{name} asc" for name in order)
        # load "": the number of a related record alone, without its name
        given = {"domain": domain, "fields": list(names), "order": by, "limit": limit, "load": ""}
        return self._model(model, "search_read", None, given)

    def create_all(self, model: str, several: Sequence[Mapping[str, Any]]) -> Call:
        return self._model(model, "create", None, {"vals_list": [dict(one) for one in several]})

    def write(self, model: str, identity: int, values: Mapping[str, Any], version: str | None) -> Call:
        return self._model(model, "write", [identity], {"vals": dict(values)})

    def delete(self, model: str, identity: int, version: str | None) -> Call:
        return self._model(model, "unlink", [identity], {})

    def press(self, model: str, method: str, identity: int, version: str | None) -> Call:
        return self._model(model, method, [identity], {})

    def _model(self, model: str, method: str, ids: list[int] | None, given: Mapping[str, Any]) -> Call:
        _, password = self._user()
        named = {**given, "context": self.context}
        asked: list[Any] = [self._settings.database, int(self._token()), password, model, method]
        return self._service(
            "object", "execute_kw", [*asked, [] if ids is None else [ids], named], f"{model}.{method}"
        )

    def _service(self, service: str, method: str, arguments: list[Any], name: str = "") -> Call:
        params = {"service": service, "method": method, "args": arguments}
        body = {"jsonrpc": "2.0", "method": "call", "params": params, "id": next(self._ids)}
        return Call("jsonrpc", body, name or method)

    # ------------------------------------------------------------------ answers

    def result(self, answer: Response) -> Any:
        said = answer.json()
        if not isinstance(said, dict) or not ("result" in said or "error" in said):
            raise Fatal(
                "jsonrpc.answer", "the answer is none of Odoo's", where=answer.where, hint="check url:"
            )
        error = said.get("error")
        if not error:
            return said.get("result")
        inner = error.get("data") if isinstance(error, dict) else None
        return fault(inner if isinstance(inner, dict) else {"message": str(error)})

    def refusal(self, answer: Response) -> Fault | None:
        return None

    # ------------------------------------------------------------------ values

    def both(self, domain: Domain, conditions: Domain) -> Domain:
        return [*domain, *conditions]  # what stands side by side is joined by and

    def empty(self) -> Any:
        return False

    def names(self, wanted: Mapping[str, Any], kinds: Kinds) -> list[str]:
        return list(wanted)

    def decode(self, kind: Kind | None, value: Any) -> Any:
        if kind is None or kind.type == "boolean":
            return value
        if value is False:
            return None
        if kind.type == "datetime" and isinstance(value, str):
            return iso(moment(value))
        if kind.type in RELATIONS and isinstance(value, list) and kind.type == "many2one":
            return value[0] if value else None  # [number, name] of servers that know no load
        return value

    def encode(self, kind: Kind, value: Any) -> Any:
        return False if value is None else encoded(kind, value, _ENCODE)

    def replaces(self, wanted: Sequence[int], there: Sequence[int]) -> Any:
        return [[6, 0, list(wanted)]]

    def makes(self, values: Sequence[Mapping[str, Any]]) -> Any:
        return [[0, 0, dict(one)] for one in values]


class OdooJson2(Odoo):
    """The dialect of /json/2: a key in the head, named arguments, errors by HTTP status."""

    def login(self) -> Login | None:
        return None

    def headers(self) -> Mapping[str, str]:
        return {"X-Odoo-Database": self._settings.database} if self._settings.database else {}

    def _model(self, model: str, method: str, ids: list[int] | None, given: Mapping[str, Any]) -> Call:
        body = {**given, "context": self.context, **({} if ids is None else {"ids": ids})}
        return Call(f"json/2/{model}/{method}", body, f"{model}.{method}")

    def result(self, answer: Response) -> Any:
        return answer.json()

    def refusal(self, answer: Response) -> Fault | None:
        try:
            said = answer.json()
        except HubError:
            return None
        return fault(said) if isinstance(said, dict) and isinstance(said.get("name"), str) else None


def fault(said: Mapping[str, Any]) -> Fault:
    """What an exception of Odoo means, by its name; the traceback beside it is never shown."""
    name = str(said.get("name") or "").rpartition(".")[2]
    return Fault(_MEANS.get(name, "failed"), ": ".join(filter(None, [name, str(said.get("message") or "")])))


_ENCODE: Mapping[str, Callable[[Any], Any]] = {
    "integer": whole, "many2one": whole, "many2one_reference": whole, "float": real, "boolean": truth,
    "monetary": lambda value: real(number(value)), "date": lambda value: day(value).isoformat(),
    "datetime": lambda value: moment(value).isoformat(" ", "seconds"),
    "binary": lambda value: base64.b64encode(octets(value)).decode(),
    "image": lambda value: base64.b64encode(octets(value)).decode(),
}  # fmt: skip
