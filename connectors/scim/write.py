"""Writing resources: created, changed by PATCH or PUT, deleted or deactivated."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.scim.bulk import Limits, Reply, Sending, identity_of, operation, parts, replies, request
from connectors.scim.paths import Path, element, get, of_field, put
from connectors.scim.read import Reader, version_of
from connectors.scim.service import ACCEPT, Kind, Service
from hub.contract import Change, Found, Outcome, key_text
from hub.errors import HubError, RecordRejected
from hub.http import ANY, NOT_SENT, Response
from hub.http.outcomes import each, later, of_status
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
        if len(changes) > 1 and self._service.bulk is not None:
            return self._together(changes, self._service.bulk)
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
        record = self._reader.record(self._reader.whole(found[0]))
        return Found(str(found[0].get("id")), version_of(found[0], None), record)

    def _path(self, name: str) -> Path:
        return of_field(name, self._kind.declared.paths, self._kind.aliases)

    # ------------------------------------------------------------------ changing

    def _send(self, change: Change) -> Outcome:
        planned = self._planned(change)
        if isinstance(planned, Outcome):
            return planned
        outcome = Outcome("done")
        for sending in planned:
            if sending is not planned[0]:  # the next piece stands on what this one left
                sending = dataclasses.replace(sending, version=outcome.version)
            answer = self._request(sending)
            if answer.status == 401:
                self._service.transport.refuse(answer)
            reply = Reply(answer.status, _body(answer), answer.headers.get("etag"))
            outcome = self._judged(change, reply, sending.identity, answer.headers)
            if outcome.status != "done":
                return outcome
        return outcome

    def _planned(self, change: Change) -> Outcome | list[Sending]:
        """What a change asks of the service; an outcome where that is nothing."""
        if change.operation == "create":
            return [self._create(change)]
        identity = change.foreign_id
        if identity is None:
            found = self.find(change.key)
            if found is None:
                return of_status(404, change.operation, "there is no such resource")
            identity = found.foreign_id
        if change.operation == "delete" and self._service.settings.delete == "delete":
            return [Sending("DELETE", self._address(identity), None, change.version, identity)]
        values = {**change.key, **change.values} if change.operation == "update" else {"active": False}
        return self._update(change, identity, values)

    def _create(self, change: Change) -> Sending:
        body: dict[str, Any] = {}
        for name, value in {**change.key, **change.values}.items():
            path = self._path(name)
            if value is not None and name != "id" and path.attr != "meta":
                put(body, path, self._sent(value))
        extensions = [name for name in body if name.startswith("urn:")]
        body["schemas"] = [self._kind.schema, *extensions]
        return Sending("POST", self._kind.endpoint, body)

    def _update(self, change: Change, identity: str, values: Mapping[str, Any]) -> Outcome | list[Sending]:
        wanted = [
            (self._path(name), self._sent(value))
            for name, value in values.items()
            if name != "id" and self._path(name).attr != "meta"
        ]
        named = {path.attr for path, _ in wanted} if self._service.patches else None
        known = self._reader.one(identity, named)
        if known is None:
            return of_status(404, change.operation, "the resource is not there any more", foreign_id=identity)
        current, version = known
        if change.version is not None and version is not None and version != change.version:
            return Outcome(
                "conflict", identity, None, "http.412", "the resource changed since it was last seen"
            )
        if all(get(current, path) == value for path, value in wanted):
            return Outcome("done", identity, version)
        address = self._address(identity)
        if not self._service.patches:
            after = copy.deepcopy(current)
            for path, value in wanted:
                put(after, path, value)
            after.pop("meta", None)
            extensions = [name for name in after if name.startswith("urn:")]
            after["schemas"] = list(dict.fromkeys([*after.get("schemas", [self._kind.schema]), *extensions]))
            return [Sending("PUT", address, after, version, identity)]
        ops = [op for path, value in wanted for op in self._ops(current, path, value)]
        most = self._service.settings.values_per_patch
        return [
            Sending(
                "PATCH", address, {"schemas": [PATCH_OP], "Operations": ops[at : at + most]}, version, identity
            )
            for at in range(0, len(ops), most)
        ] or Outcome("done", identity, version)

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
        """Values that are added and removed one by one, such as members: those of others stay. One that says
        something else of itself, such as a role that is the primary one now, goes and comes anew."""
        known, asked = {one["value"]: one for one in there}, {one["value"] for one in wanted}
        new = [one for one in wanted if not _says(known.get(one["value"]), one)]
        anew = {one["value"] for one in new}
        gone = [
            self._op("remove", f"{path.whole}[value eq {_literal(one['value'])}]")
            for one in there
            if one["value"] not in asked or one["value"] in anew
        ]
        most = self._service.settings.values_per_patch
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

    # ------------------------------------------------------------------ several at once

    def _together(self, changes: Sequence[Change], limits: Limits) -> list[Outcome]:
        """All changes in as few requests as the service's limits allow. What needs several requests, is too large, or
        was refused together with others goes one by one afterwards."""
        made: dict[int, Outcome] = {}
        ready: dict[int, Sending] = {}
        alone: list[int] = []
        for number, change in enumerate(changes):
            try:
                planned = self._planned(change)
            except RecordRejected as error:
                planned = Outcome("rejected", change.foreign_id, None, error.code, error.message)
            if isinstance(planned, Outcome):
                made[number] = planned
            elif len(planned) == 1:
                ready[number] = planned[0]
            else:
                alone.append(number)
        texts = {number: operation(number, one, self._service.versions) for number, one in ready.items()}
        sent = False
        for part in parts(texts, limits):
            if len(part) == 1 or self._service.bulk is None:
                alone += part
                continue
            outcomes = self._part(changes, {number: ready[number] for number in part}, texts, sent)
            if outcomes is None:
                alone += part
                continue
            made |= outcomes
            sent = True
            trouble = next((one for one in outcomes.values() if one.status in ("retry", "unknown")), None)
            if trouble is not None:  # the rest is left for later instead of running into the same
                left = [number for number in range(len(changes)) if number not in made]
                rest = later([changes[number] for number in left], trouble.code, trouble.wait)
                made |= zip(left, rest, strict=True)
                break
        else:
            made |= self._alone(changes, sorted(alone), sent)
        return [made[number] for number in range(len(changes))]

    def _alone(self, changes: Sequence[Change], numbers: list[int], sent: bool) -> dict[int, Outcome]:
        some = [changes[number] for number in numbers]
        try:
            outcomes = each(some, self._send)
        except HubError as error:
            if not sent:
                raise
            outcomes = later(some, error.code, getattr(error, "wait", None))
        return dict(zip(numbers, outcomes, strict=True))

    def _part(
        self, changes: Sequence[Change], part: Mapping[int, Sending], texts: Mapping[int, bytes], sent: bool
    ) -> dict[int, Outcome] | None:
        """The outcomes of one request; None where the service refused it as a whole, and so did nothing of it."""
        transport = self._service.transport
        some = [changes[number] for number in part]
        try:
            answer = transport.request(
                "POST", "Bulk", data=request([texts[number] for number in part]),
                headers={**ACCEPT, "Content-Type": "application/scim+json"}, expect=ANY,
            )  # fmt: skip
            if answer.status == 401:
                transport.refuse(answer)
        except HubError as error:
            if error.code in NOT_SENT:
                if not sent:
                    raise
                return dict(zip(part, later(some, error.code, getattr(error, "wait", None)), strict=True))
            return {
                number: Outcome("unknown", changes[number].foreign_id, None, error.code, error.message)
                for number in part
            }
        if not answer.ok:
            wait = wait_of(answer.status, answer.headers, transport.now())
            whole = of_status(answer.status, "create", f"/Bulk answered {answer.status}", wait=wait)
            if whole.status in ("retry", "unknown") and answer.status != 501:
                return {
                    number: dataclasses.replace(whole, foreign_id=changes[number].foreign_id) for number in part
                }
            if answer.status != 413:  # it announced more than it does, to this client at least
                self._service.without_bulk()
            return None
        told = replies(_body(answer), part)
        return {
            number: self._judged(changes[number], told[number], sending.identity, {})
            if number in told
            else Outcome(
                "unknown", sending.identity, None, "scim.bulk",
                "the answer to /Bulk does not tell what became of this change",
            )
            for number, sending in part.items()
        }  # fmt: skip

    # ------------------------------------------------------------------ answers

    def _address(self, identity: str) -> str:
        return f"{self._kind.endpoint}/{quote(identity, safe='')}"

    def _request(self, sending: Sending) -> Response:
        headers = dict(ACCEPT)
        if sending.version and self._service.versions:
            headers["If-Match"] = sending.version
        data = None
        if sending.body is not None:
            headers["Content-Type"] = "application/scim+json"
            data = msgspec.json.encode(sending.body)
        return self._service.transport.request(
            sending.method, sending.path, data=data, headers=headers, expect=ANY
        )

    def _judged(
        self, change: Change, reply: Reply, identity: str | None, headers: Mapping[str, str]
    ) -> Outcome:
        transport, said = self._service.transport, reply.said
        if 200 <= reply.status < 300:
            return Outcome("done", identity_of(reply) or identity, version_of(said, None) or reply.version)
        kind, detail = str(said.get("scimType") or ""), transport.redact(str(said.get("detail") or ""))
        message = ": ".join(filter(None, [f"answered {reply.status}", kind, detail]))
        if kind == "uniqueness":
            return Outcome("conflict", identity, None, "scim.uniqueness", message)
        wait = wait_of(reply.status, headers, transport.now())
        return of_status(reply.status, change.operation, message, wait=wait, foreign_id=identity)


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


def _says(there: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Whether a value that is there says what is wanted of it, be it more."""
    return there is not None and all(there.get(name) == value for name, value in wanted.items())
