"""Writing entities, one by one or in batches, and looking them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from connectors.odata.batch import (
    Part,
    Reply,
    as_json,
    ended_in_failure,
    multipart,
    placed,
    read_json,
    read_multipart,
)
from connectors.odata.declared import ODataResource
from connectors.odata.edmx import Metadata, Property, Type
from connectors.odata.said import said
from connectors.odata.service import Service
from connectors.odata.shapes import entries, etag_of, plain
from connectors.odata.values import key_of_address, literal, predicate, split_key, to_json
from hub.contract import Change, Found, Outcome, key_text
from hub.errors import AuthError, ConfigError, Fatal, HubError, RecordRejected
from hub.http import ANY, NOT_SENT, Response
from hub.http.answers import refuse_html, snippet
from hub.http.outcomes import each, later, of_status
from hub.http.records import nest
from hub.http.waits import wait_of
from hub.untrusted import parse_json

CHUNK = 15
"""Keys in one look-up; addresses have limits."""


class Writer:
    """Writes one entity set."""

    def __init__(self, service: Service, name: str, declared: ODataResource) -> None:
        self._service = service
        self._set = declared.entity_set or name
        self._token: str | None = None
        self._batches = service.settings.batch != "off"

    @property
    def _metadata(self) -> Metadata:
        return self._service.metadata

    @property
    def _type(self) -> Type:
        return self._metadata.type_of(self._set)

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        # what can fail before anything is sent does so here, and raises
        self._metadata.type_of(self._set)
        self._csrf(renew=False)
        if self._batches and len(changes) > 1:
            outcomes = self._deliver_batch(changes)
            if outcomes is not None:
                return outcomes
        return each(changes, self._deliver_one)

    # ------------------------------------------------------------ one by one

    def _deliver_one(self, change: Change) -> Outcome:
        part = self._part(change)
        answer = self._send(part.method, part.path, part.headers, part.body)
        if answer.status == 401:
            self._service.transport.refuse(answer)
        return self._judged(change, Reply(answer.status, answer.headers, answer.body), answer)

    def _part(self, change: Change) -> Part:
        """A change as a request; RecordRejected where it cannot be one."""
        version = self._service.version
        headers = self._service.headers()
        if change.operation == "create":
            method, path = "POST", self._set
        else:
            method = "DELETE" if change.operation == "delete" else self._update_method()
            path = self._set + predicate(self._type, self._key(change), version)
            if change.version:
                headers["If-Match"] = change.version
        params = self._service.params()
        if params:
            path += "?" + "&".join(f"{name}={value}" for name, value in params.items())
        if method == "DELETE":
            return Part(method, path, headers, None)
        headers["Content-Type"] = "application/json"
        return Part(method, path, headers, msgspec.json.encode(self._body(change)))

    def _update_method(self) -> str:
        return (self._service.settings.update or ("patch" if self._service.version == 4 else "merge")).upper()

    def _key(self, change: Change) -> dict[str, str]:
        type_ = self._type
        if change.foreign_id is not None:
            return split_key(type_, change.foreign_id)
        known = {**change.values, **change.key}
        missing = [name for name in type_.key if known.get(name) is None]
        if missing:
            raise RecordRejected("key.missing", f"there is no value for the key {', '.join(missing)}")
        return {name: str(known[name]) for name in type_.key}

    def _body(self, change: Change) -> dict[str, Any]:
        body = self._converted(self._type, nest(change.values))
        if change.operation == "update":
            for name in self._type.key:
                body.pop(name, None)
        return body

    def _converted(self, type_: Type, values: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for name, value in values.items():
            one = type_.properties.get(name)
            navigation = type_.navigations.get(name)
            inner = self._metadata.types.get(navigation.target if navigation else one.type if one else "")
            if one is None and navigation is None:
                raise RecordRejected("field.unknown", f"{type_.name} has no property {name}", where=name)
            made[name] = self._value(one, inner, value)
        return made

    def _value(self, one: Property | None, inner: Type | None, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [self._value(one, inner, each_) for each_ in value]
        if inner is not None and isinstance(value, Mapping):
            return self._converted(inner, value)
        return to_json(one, value, self._service.version) if one else value

    def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Response:
        """A writing request, with the anti-forgery token; asked once more when that has run out."""
        transport = self._service.transport
        for attempt in (1, 2):
            sent = {**headers, **self._csrf(renew=attempt == 2)}
            answer = transport.request(method, path, data=body, headers=sent, expect=ANY)
            required = answer.headers.get("x-csrf-token", "").lower() == "required"
            if not (answer.status == 403 and required and self._service.settings.csrf != "off"):
                break
        return answer

    def _csrf(self, *, renew: bool) -> dict[str, str]:
        mode = self._service.settings.csrf
        if mode == "off":
            return {}
        if self._token is None or renew:
            root = self._service.settings.url.rstrip("/") + "/"  # without the slash some redirect
            answer = self._service.transport.request(
                "GET", root, params=self._service.params(),
                headers=self._service.headers(**{"X-CSRF-Token": "Fetch"}), expect=ANY,
            )  # fmt: skip
            if answer.status == 401:
                self._service.transport.refuse(answer)
            self._token = answer.headers.get("x-csrf-token", "")
            if not self._token and mode == "on":
                raise Fatal(
                    "csrf.missing",
                    "the service gave no x-csrf-token",
                    where=answer.where,
                    hint="try csrf: auto",
                )
        return {"X-CSRF-Token": self._token} if self._token else {}

    # ------------------------------------------------------------ in batches

    def _deliver_batch(self, changes: Sequence[Change]) -> list[Outcome] | None:
        """All changes in as few requests as it takes; None where the service knows no $batch."""
        made: dict[int, Outcome] = {}
        parts: dict[int, Part] = {}
        for number, change in enumerate(changes):
            try:
                parts[number] = self._part(change)
            except RecordRejected as error:
                made[number] = Outcome("rejected", change.foreign_id, None, error.code, error.message)
        left = list(parts)
        while left:
            try:
                replies = self._exchange([parts[number] for number in left])
            except HubError as error:
                made |= self._unanswered(
                    {number: changes[number] for number in left}, error, begun=len(made) > 0
                )
                break
            if replies is None:
                self._batches = False
                return None
            made |= zip(left, self._verdicts([changes[number] for number in left], *replies), strict=False)
            left = [number for number in left if number not in made]
        return [made[number] for number in range(len(changes))]

    @staticmethod
    def _unanswered(changes: Mapping[int, Change], error: HubError, *, begun: bool) -> dict[int, Outcome]:
        """The outcomes of changes whose batch got no answer; raises where nothing can have happened."""
        if error.code in NOT_SENT or isinstance(error, ConfigError | AuthError):
            if not begun:
                raise error
            wait = getattr(error, "wait", None)
            return {number: later([change], error.code, wait)[0] for number, change in changes.items()}
        return {
            number: Outcome("unknown", change.foreign_id, None, error.code, error.message)
            for number, change in changes.items()
        }

    def _exchange(self, parts: Sequence[Part]) -> tuple[list[Reply | None], bool] | None:
        """Send a batch: the replies, and whether their list was complete."""
        as_text = self._service.settings.batch == "json" and self._service.version == 4
        body, kind = (as_json(parts), "application/json") if as_text else multipart(parts)
        headers = self._service.headers(**{"Content-Type": kind})
        headers["Accept"] = "application/json" if as_text else "multipart/mixed"
        headers["Prefer"] = "odata.continue-on-error"
        answer = self._send("POST", "$batch", headers, body)
        if answer.status in (404, 405, 415, 501):
            return None
        self._service.transport.refuse(answer)
        refuse_html(answer)
        if as_text:
            return read_json(answer.json_bytes(), len(parts)), True
        replies, complete = read_multipart(answer.body, answer.headers.get("content-type", ""))
        return placed(replies, len(parts), complete), complete

    def _verdicts(
        self, changes: Sequence[Change], found: Sequence[Reply | None], complete: bool
    ) -> list[Outcome]:
        """The outcomes as far as the service went: it may stop at the first failure. What it then did not
        begin is sent again. Answers of which one speaks of another change than its own are nobody's."""
        if self._mixed_up(changes, found):
            found = [None] * len(changes)
        told = [reply for reply in found if reply is not None]
        stopped = complete and ended_in_failure(told) and list(found[: len(told)]) == told
        outcomes = []
        for change, reply in zip(changes, found, strict=True):
            if reply is not None:
                outcomes.append(self._judged(change, reply, None))
            elif stopped:
                break
            else:
                message = "the answer to $batch does not tell what became of this change"
                outcomes.append(Outcome("unknown", change.foreign_id, None, "odata.batch", message))
        return outcomes

    def _mixed_up(self, changes: Sequence[Change], found: Sequence[Reply | None]) -> bool:
        """Whether an answer shows the record of another change. Services may rewrite a key, so one that is
        nobody's proves nothing."""
        own = [self._natural(change) for change in changes]
        for mine, reply in zip(own, found, strict=True):
            entry = self._entry(reply.body) if reply is not None and reply.status < 300 else {}
            shown = self._natural_of(entry)
            if shown is not None and shown != mine and shown in own:
                return True
        return False

    def _natural(self, change: Change) -> str | None:
        try:
            return key_text([*self._key(change).values()])
        except HubError:  # the service gives the key
            return None

    def _natural_of(self, entry: dict[str, Any]) -> str | None:
        names = self._type.key
        if not names or not all(name in entry for name in names):
            return None
        known = plain(self._metadata, self._type, {name: entry[name] for name in names}, lambda link: [])
        return key_text([known[name] for name in names])

    def _judged(self, change: Change, reply: Reply, answer: Response | None) -> Outcome:
        transport = self._service.transport
        if not 200 <= reply.status < 300:
            message = transport.redact(said(reply.body)) or f"answered {reply.status}"
            if answer is not None and not said(reply.body):
                message += snippet(answer, transport.redact)
            wait = wait_of(reply.status, reply.headers, transport.now())
            return of_status(reply.status, change.operation, message, wait=wait, foreign_id=change.foreign_id)
        entry = self._entry(reply.body)
        version = reply.headers.get("etag") or etag_of(entry)
        if change.operation == "delete":
            return Outcome("done", change.foreign_id)
        return Outcome("done", self._foreign_id(change, reply, entry), version)

    def _entry(self, body: bytes) -> dict[str, Any]:
        if not body.strip():
            return {}
        try:
            found = parse_json(body)
        except HubError:
            return {}
        found = found.get("d", found) if isinstance(found, dict) else {}
        return found if isinstance(found, dict) else {}

    def _foreign_id(self, change: Change, reply: Reply, entry: dict[str, Any]) -> str | None:
        if change.operation == "update" and change.foreign_id is not None:
            return change.foreign_id
        type_ = self._type
        if (shown := self._natural_of(entry)) is not None:
            return shown
        for name in ("odata-entityid", "location"):
            if name in reply.headers and (found := key_of_address(type_, reply.headers[name])):
                return found
        known = {**change.values, **change.key}
        return (
            key_text([known[name] for name in type_.key])
            if all(name in known for name in type_.key)
            else None
        )

    # ------------------------------------------------------------ looking up

    def find(self, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        """Look records up, some per request; what the service finds besides is not taken."""
        found: dict[int, list[Found]] = {}
        for start in range(0, len(keys), CHUNK):
            chunk = dict(enumerate(keys[start : start + CHUNK], start))
            for entry in self._matching(list(chunk.values())):
                record = plain(self._metadata, self._type, entry, lambda link: [])
                for number, key in chunk.items():
                    if all(self._same(name, record.get(name), value) for name, value in key.items()):
                        identity = key_text([record[name] for name in self._type.key])
                        found.setdefault(number, []).append(Found(identity, etag_of(entry), record))
        for number, several in found.items():
            if len({one.foreign_id for one in several}) > 1:
                text = key_text([*keys[number].values()])
                raise RecordRejected(
                    "find.ambiguous", f"several records have the key {text}", where=self._set
                )
        return [found[number][0] if number in found else None for number in range(len(keys))]

    def _matching(self, keys: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        conditions = [
            " and ".join(self._condition(name, value) for name, value in key.items()) for key in keys
        ]
        several = " or ".join(f"({one})" for one in conditions) if len(keys) > 1 else conditions[0]
        path: str | None = self._set
        params = {**self._service.params(), "$filter": several}
        made: list[dict[str, Any]] = []
        while path is not None:
            answer = self._service.transport.request(
                "GET", path, params=params, headers=self._service.headers()
            )
            more, link = entries(self._metadata, answer)
            made += more
            path, params = (self._service.follow(path, link), {}) if link else (None, {})
        return made

    def _condition(self, name: str, value: Any) -> str:
        one = self._type.properties.get(name)
        if one is None:
            raise ConfigError(
                "field.unknown", f"{self._type.name} has no property {name}", hint="check the mapping's key:"
            )
        return f"{name} eq {'null' if value is None else literal(one, value, self._service.version)}"

    def _same(self, name: str, given: Any, wanted: Any) -> bool:
        one = self._type.properties[name]
        version = self._service.version
        try:
            if given is None or wanted is None:
                return given is wanted
            return literal(one, given, version) == literal(one, wanted, version)
        except RecordRejected:
            return False
