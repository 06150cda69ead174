"""Writing to a JSON API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from connectors.rest.declared import Call, RestResource, RestSettings, Write
from connectors.rest.paging import pager
from connectors.rest.read import Reader, failure, pairs
from hub.contract import Change, Found, Outcome, OutcomeStatus, key_text
from hub.errors import ConfigError, Fatal, HubError, RecordRejected, Retriable
from hub.http import ANY, Response, Transport
from hub.http.answers import refuse_html, snippet
from hub.http.outcomes import each, of_status
from hub.http.paging import Ask
from hub.http.records import encodable, nest, text_at
from hub.http.waits import wait_of
from hub.untrusted import parse_json

LOOKUP_PAGES = 50
_SLOT = re.compile(r"\{([^{}]*)\}")


class Writer:
    """Writes one resource."""

    def __init__(
        self, transport: Transport, settings: RestSettings, declared: RestResource, reader: Reader
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._declared = declared
        self._write = declared.write or Write()
        self._reader = reader

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        for operation in dict.fromkeys(change.operation for change in changes):
            self._call(operation)
        return each(changes, self._send)

    def find(self, key: Mapping[str, Any]) -> Found | None:
        """Look one record up. Answers that hold others too are searched page by page."""
        rule = self._write.find
        if rule is None:
            raise ConfigError("write.find", "no look-up is declared", hint="add write: {find: {params: …}}")
        path = fill(rule.path or self._declared.path, key)
        params = {
            name: [fill(value, key, encode=False) for value in values] for name, values in rule.params.items()
        }
        pages = pager(self._declared.paging, None)
        ask: Ask | None = pages.first()
        found: list[Found] = []
        count = 0
        for _ in range(LOOKUP_PAGES):
            assert ask is not None
            got = self._reader.get(ask, params, path=path, records=rule.records, expect=(404,), single=True)
            count += len(got.records)
            found += [one for one in (self._match(bytes(raw), key) for raw in got.records) if one]
            if len(found) > 1:
                raise RecordRejected(
                    "find.ambiguous", f"several records have the key {key_text([*key.values()])}"
                )
            if found or got.answer.status == 404 or not got.records:
                break
            ask = pages.after(got.seen(len(got.records), count, got.total))
            if ask is None:
                break
        else:
            raise Fatal(
                "find.unfiltered", f"the look-up went through {count} records without an end",
                where=self._declared.path, hint="the parameters of write.find do not filter",
            )  # fmt: skip
        return found[0] if found else None

    def _match(self, raw: bytes, key: Mapping[str, Any]) -> Found | None:
        if any(text_at(raw, name) != _plain(value) for name, value in key.items()):
            return None
        rule = self._write.find
        assert rule is not None
        identity = text_at(raw, rule.id)
        if identity is None:
            raise Fatal("find.id", f"the record found has no {rule.id}", hint="check write.find.id")
        return Found(identity, text_at(raw, rule.version) if rule.version else None, parse_json(raw))

    def _call(self, operation: str) -> Call:
        call: Call | None = getattr(self._write, operation)
        if call is None:
            raise ConfigError(
                "write.undeclared", f"{operation} is not declared for {self._declared.path}",
                hint=f"add write: {{{operation}: …}} or do not map it",
            )  # fmt: skip
        return call

    def _send(self, change: Change) -> Outcome:
        call = self._call(change.operation)
        known = change.foreign_id or key_text([*change.key.values()])
        path = fill(call.path, {**change.values, **change.key, "id": known})
        headers = dict(self._declared.headers)
        if self._write.idempotency and change.id:
            headers[self._write.idempotency] = change.id
        if self._write.etag and change.version and change.operation != "create":
            headers["If-Match"] = change.version
        body = None
        if call.method != "DELETE":
            headers["Content-Type"] = call.content_type
            body = _body(call, change)
        params = pairs({**self._settings.params, **call.params})
        answer = self._transport.request(
            call.method, path, params=params, data=body, headers=headers, expect=ANY
        )
        return self._judged(call, change, answer)

    def _judged(self, call: Call, change: Change, answer: Response) -> Outcome:
        wait = wait_of(answer.status, answer.headers, self._transport.now())
        if answer.status == 401:
            self._transport.refuse(answer)
        rule = self._settings.answers
        if not answer.ok:
            message = self._said(answer)
            return of_status(
                answer.status, change.operation, message, wait=wait, foreign_id=change.foreign_id
            )
        identity, version = change.foreign_id, answer.headers.get("etag")
        if answer.body.strip():
            refuse_html(answer)
            verdict = text_at(answer.json_bytes(), rule.path) if rule else None
            if rule and verdict not in rule.equals:
                return _failed(failure(answer, rule, verdict, self._transport), change)
            identity = self._given(answer, call.id) or identity
            version = self._given(answer, call.version) or version
        identity = identity or _from_location(answer.headers.get("location", ""))
        if change.operation == "create" and identity is None:
            identity = key_text([*change.key.values()]) if not call.id else None
        return Outcome("done", identity, version)

    def _said(self, answer: Response) -> str:
        rule = self._settings.answers
        if rule and rule.message and answer.body:
            try:
                said = text_at(answer.json_bytes(), rule.message)
            except HubError:
                said = None
            if said:
                return self._transport.redact(said)
        return f"answered {answer.status}{snippet(answer, self._transport.redact)}"

    @staticmethod
    def _given(answer: Response, path: str | None) -> str | None:
        return text_at(answer.json_bytes(), path) if path else None


def _body(call: Call, change: Change) -> bytes:
    """A record as this kind of change sends it."""
    values = {name: value for name, value in change.values.items() if name not in call.without}
    if call.content_type == "application/x-www-form-urlencoded":
        return urlencode(
            {name: _plain(value) for name, value in values.items() if value is not None}
        ).encode()
    body: Any = encodable(nest(values))
    for name in reversed(call.body.split(".") if call.body else []):
        body = {name: body}
    return msgspec.json.encode(body)


def _failed(error: HubError, change: Change) -> Outcome:
    status: OutcomeStatus = "retry" if isinstance(error, Retriable) else "rejected"
    wait = error.wait if isinstance(error, Retriable) else None
    return Outcome(status, change.foreign_id, None, error.code, error.message, wait)


def _from_location(location: str) -> str | None:
    """The last part of a Location, which by custom is the new id."""
    return location.partition("?")[0].rstrip("/").rpartition("/")[2] or None


def fill(template: str, values: Mapping[str, Any], *, encode: bool = True) -> str:
    """Put values into ``{name}`` slots; one path segment cannot become two."""

    def put(found: re.Match[str]) -> str:
        value = values.get(found[1])
        if value is None or value == "":
            raise RecordRejected("write.slot", f"there is no value for {{{found[1]}}} in {template}")
        text = _plain(value) or ""
        if encode and text in (".", ".."):
            raise RecordRejected("write.slot", f"{text!r} cannot stand in the path {template}")
        return quote(text, safe="") if encode else text

    return _SLOT.sub(put, template)


def _plain(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
