"""Writing resources: created, changed by PATCH or PUT, deleted or deactivated."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.scim.paths import Path, element, get, of_field, put
from connectors.scim.read import Reader, version_of
from connectors.scim.service import ACCEPT, Kind, Service
from hub.contract import Change, Found, Outcome, key_text
from hub.errors import HubError, RecordRejected
from hub.http import ANY, Response
from hub.http.outcomes import each, of_status
from hub.http.records import encodable
from hub.http.waits import wait_of

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
Op = dict[str, Any]


class Writer:
    """Writes one resource type."""

    def __init__(self, service: Service, kind: Kind, reader: Reader) -> None:
        self._service = service
        self._kind = kind
        self._reader = reader

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        if changes:
            _ = self._service.config  # what can fail before anything is sent does so here, and raises
        return each(changes, self._send)

    # ------------------------------------------------------------------ looking up

    def find(self, key: Mapping[str, Any]) -> Found | None:
        """One resource by its natural key. RecordRejected ``find.ambiguous`` where several have it."""
        if any(value is None or value == "" for value in key.values()):
            return None
        pairs = [(self._path(name), value) for name, value in key.items()]
        filters = self._service.filters
        asked = pairs[:1] if filters == "eq" else pairs
        condition = " and ".join(f"{path.text} eq {_literal(value)}" for path, value in asked)
        found: list[dict[str, Any]] = []
        pages = self._reader.lists(None if filters == "off" else condition, self._service.settings.page_size)
        for resources, _, _, _ in pages:
            found += [one for one in resources if all(_same(get(one, path), value) for path, value in pairs)]
            if len(found) > 1:
                text = key_text([*key.values()])
                raise RecordRejected(
                    "find.ambiguous", f"several records have the key {text}", where=self._kind.endpoint
                )
        if not found:
            return None
        return Found(str(found[0].get("id")), version_of(found[0], None), self._reader.record(found[0]))

    def _path(self, name: str) -> Path:
        return of_field(name, self._kind.declared.paths, self._kind.aliases)

    # ------------------------------------------------------------------ changing

    def _send(self, change: Change) -> Outcome:
        if change.operation == "create":
            return self._create(change)
        identity = change.foreign_id
        if identity is None:
            found = self.find(change.key)
            if found is None:
                return of_status(404, change.operation, "there is no such resource")
            identity = found.foreign_id
        if change.operation == "delete" and self._service.settings.delete == "delete":
            return self._judged(
                change, self._request("DELETE", change, identity, None, change.version), identity
            )
        values = {**change.key, **change.values} if change.operation == "update" else {"active": False}
        return self._update(change, identity, values)

    def _create(self, change: Change) -> Outcome:
        body: dict[str, Any] = {}
        for name, value in {**change.key, **change.values}.items():
            path = self._path(name)
            if value is not None and name != "id" and path.attr != "meta":
                put(body, path, self._sent(value))
        extensions = [name for name in body if name.startswith("urn:")]
        body["schemas"] = [self._kind.schema, *extensions]
        answer = self._request("POST", change, None, body, None)
        return self._judged(change, answer, None)

    def _update(self, change: Change, identity: str, values: Mapping[str, Any]) -> Outcome:
        known = self._reader.one(identity)
        if known is None:
            return of_status(404, change.operation, "the resource is not there any more", foreign_id=identity)
        current, version = known
        if change.version is not None and version is not None and version != change.version:
            return Outcome(
                "conflict", identity, None, "http.412", "the resource changed since it was last seen"
            )
        wanted = [
            (self._path(name), self._sent(value))
            for name, value in values.items()
            if name != "id" and self._path(name).attr != "meta"
        ]
        if all(get(current, path) == value for path, value in wanted):
            return Outcome("done", identity, version)
        if not self._service.patches:
            after = copy.deepcopy(current)
            for path, value in wanted:
                put(after, path, value)
            after.pop("meta", None)
            extensions = [name for name in after if name.startswith("urn:")]
            after["schemas"] = list(dict.fromkeys([*after.get("schemas", [self._kind.schema]), *extensions]))
            return self._judged(change, self._request("PUT", change, identity, after, version), identity)
        return self._patch(
            change,
            identity,
            [op for path, value in wanted for op in self._ops(current, path, value)],
            version,
        )

    def _patch(self, change: Change, identity: str, ops: list[Op], version: str | None) -> Outcome:
        outcome = Outcome("done", identity, version)
        most = self._service.settings.values_per_patch
        for start in range(0, len(ops), most):
            body = {"schemas": [PATCH_OP], "Operations": ops[start : start + most]}
            outcome = self._judged(change, self._request("PATCH", change, identity, body, version), identity)
            if outcome.status != "done":
                return outcome
            version = outcome.version  # the next piece stands on what this one left
        return outcome

    def _ops(self, current: Mapping[str, Any], path: Path, value: Any) -> list[Op]:
        """The operations that bring what stands at a path to a value."""
        there = get(current, path)
        if there == value:
            return []
        if path.by is not None:
            one = element(get(current, Path(path.urn, path.attr)), path)
            chosen = Path(path.urn, path.attr, path.by, path.value)
            if value is None:
                return [] if one is None else [self._op("remove", chosen.text)]
            if one is None:
                return [self._op("add", path.whole, [{path.by: path.value, path.sub or "value": value}])]
            return [
                self._op(
                    "replace", Path(path.urn, path.attr, path.by, path.value, path.sub or "value").text, value
                )
            ]
        if value is None:
            return [self._op("remove", path.text)]
        if isinstance(value, list) and isinstance(there, list) and _by_value(value) and _by_value(there):
            return self._values(path, there, value)
        return [self._op("replace", path.text, value)]

    def _values(self, path: Path, there: list[Any], wanted: list[Any]) -> list[Op]:
        """Values that are added and removed one by one, such as members: those of others stay."""
        known, asked = {one["value"] for one in there}, {one["value"] for one in wanted}
        gone = [
            self._op("remove", f"{path.whole}[value eq {_literal(one['value'])}]")
            for one in there
            if one["value"] not in asked
        ]
        most = self._service.settings.values_per_patch
        new = [one for one in wanted if one["value"] not in known]
        return gone + [self._op("add", path.whole, new[at : at + most]) for at in range(0, len(new), most)]

    def _op(self, name: str, path: str, value: Any = None) -> Op:
        made: Op = {
            "op": name.title() if self._service.settings.operations == "title" else name,
            "path": path,
        }
        return made if value is None else made | {"value": value}

    def _sent(self, value: Any) -> Any:
        """A value as this service takes it."""
        if isinstance(value, bool) and self._service.settings.booleans == "text":
            return "True" if value else "False"
        return encodable(value)

    # ------------------------------------------------------------------ answers

    def _request(
        self, method: str, change: Change, identity: str | None, body: Any, version: str | None
    ) -> Response:
        path = self._kind.endpoint + (f"/{quote(identity, safe='')}" if identity is not None else "")
        headers = dict(ACCEPT)
        if version and self._service.versions:
            headers["If-Match"] = version
        data = None
        if body is not None:
            headers["Content-Type"] = "application/scim+json"
            data = msgspec.json.encode(body)
        return self._service.transport.request(method, path, data=data, headers=headers, expect=ANY)

    def _judged(self, change: Change, answer: Response, identity: str | None) -> Outcome:
        transport = self._service.transport
        if answer.status == 401:
            transport.refuse(answer)
        said = _body(answer)
        if answer.ok:
            given = str(said["id"]) if said.get("id") is not None else identity
            return Outcome("done", given, version_of(said, answer))
        kind, detail = str(said.get("scimType") or ""), transport.redact(str(said.get("detail") or ""))
        message = ": ".join(filter(None, [f"answered {answer.status}", kind, detail]))
        if kind == "uniqueness":
            return Outcome("conflict", identity, None, "scim.uniqueness", message)
        wait = wait_of(answer.status, answer.headers, transport.now())
        return of_status(answer.status, change.operation, message, wait=wait, foreign_id=identity)


def _body(answer: Response) -> dict[str, Any]:
    if not answer.body.strip():
        return {}
    try:
        found = answer.json()
    except HubError:
        return {}
    return found if isinstance(found, dict) else {}


def _literal(value: Any) -> str:
    """A value in a filter (RFC 7644 §3.4.2.2): JSON, so that no part of it can be read as syntax."""
    return json.dumps(value if isinstance(value, bool | int | float) else str(value), ensure_ascii=False)


def _same(found: Any, wanted: Any) -> bool:
    """Most key attributes are compared without regard to case (caseExact: false)."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return found is not None and str(found).casefold() == str(wanted).casefold()


def _by_value(several: list[Any]) -> bool:
    return all(isinstance(one, dict) and isinstance(one.get("value"), str) for one in several)
