"""Writing to a JSON API."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from connectors.rest.batch import enclosed, verdicts
from connectors.rest.declared import Batch, Call, RestResource, RestSettings, Write
from connectors.rest.paging import pager
from connectors.rest.read import Reader, lay, pairs
from connectors.rest.verdict import Verdicts
from hub.contract import Change, Found, Outcome, OutcomeStatus, key_text
from hub.errors import ConfigError, Fatal, HubError, RecordRejected, Retriable
from hub.http import ANY, Response, Transport
from hub.http.answers import refuse_html, snippet
from hub.http.outcomes import each, later, of_status
from hub.http.paging import Ask
from hub.http.records import encodable, nest, text_at
from hub.http.transport import NOT_SENT
from hub.http.waits import wait_of
from hub.untrusted import parse_json

LOOKUP_PAGES = 50
_SLOT = re.compile(r"\{([^{}]*)\}")


class Writer:
    """Writes one resource."""

    def __init__(
        self, transport: Transport, settings: RestSettings, declared: RestResource, reader: Reader,
        verdicts: Verdicts,
    ) -> None:  # fmt: skip
        self._verdicts = verdicts
        self._transport = transport
        self._settings = settings
        self._declared = declared
        self._write = declared.write or Write()
        self._reader = reader

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        for operation in dict.fromkeys(change.operation for change in changes):
            self._call(operation)
        outcomes: list[Outcome] = []
        for operation, group in groupby(changes, key=lambda change: change.operation):
            some = [*group]
            batch = self._call(operation).batch
            try:
                outcomes += self._together(batch, some) if batch else each(some, self._send)
            except HubError as error:
                if all(one.status in ("rejected", "retry") for one in outcomes):
                    raise
                return outcomes + later(changes[len(outcomes) :], error.code, getattr(error, "wait", None))
            last = outcomes[-1]
            if last.status in ("retry", "unknown"):
                return outcomes + later(changes[len(outcomes) :], last.code, last.wait)
        return outcomes

    def _together(self, batch: Batch, changes: Sequence[Change]) -> list[Outcome]:
        """Changes of one kind, several at a time; raises only while nothing can have had an effect."""
        outcomes: list[Outcome] = []
        for start in range(0, len(changes), batch.size):
            some = changes[start : start + batch.size]
            try:
                outcomes += self._send_batch(batch, some)
            except HubError as error:
                sent = error.code not in NOT_SENT
                if not sent and not outcomes:
                    raise
                wait = getattr(error, "wait", None)
                status: OutcomeStatus = "unknown" if sent else "retry"
                outcomes += [
                    Outcome(status, one.foreign_id, None, error.code, error.message, wait) for one in some
                ]
            if all(one.status in ("retry", "unknown") for one in outcomes[start:]):
                last = outcomes[-1]
                return outcomes + later(changes[len(outcomes) :], last.code, last.wait)
        return outcomes

    def _send_batch(self, batch: Batch, changes: Sequence[Change]) -> list[Outcome]:
        """One outcome per change. Of which no row can be made is rejected by itself, and the others are sent."""
        call = self._call(changes[0].operation)
        rows: list[dict[str, Any]] = []
        refused: dict[int, Outcome] = {}
        for number, change in enumerate(changes):
            try:
                rows.append(self._row(batch, call, change))
            except RecordRejected as error:
                refused[number] = Outcome("rejected", change.foreign_id, None, error.code, error.message)
        some = [change for number, change in enumerate(changes) if number not in refused]
        sent = iter(self._send_rows(batch, call, some, rows) if some else ())
        return [refused[number] if number in refused else next(sent) for number in range(len(changes))]

    def _send_rows(
        self, batch: Batch, call: Call, changes: Sequence[Change], rows: Sequence[Mapping[str, Any]]
    ) -> list[Outcome]:
        body = enclosed(batch, rows)
        headers = {**self._declared.headers, "Content-Type": "application/json"}
        answer = self._transport.request(
            call.method, call.path, params=pairs({**self._settings.params, **call.params}), data=body,
            headers=headers, expect=ANY,
        )  # fmt: skip
        if answer.status == 401:
            self._transport.refuse(answer)
        error = self._verdicts.error(answer)
        if answer.ok and error is None:
            return verdicts(batch, changes, answer, self._transport.redact)
        refused = self._refused(answer, error, changes[0])
        if refused.status in ("rejected", "conflict") and len(changes) > 1:
            # one bad record may spoil a whole request that had no effect: each stands for itself now
            return self._together(batch.model_copy(update={"size": 1}), changes)
        return [replace(refused, foreign_id=change.foreign_id) for change in changes]

    def _row(self, batch: Batch, call: Call, change: Change) -> dict[str, Any]:
        known = {**change.values, **change.key, "id": change.foreign_id}
        values = {name: value for name, value in change.values.items() if name not in call.without}
        return {**_filled(batch.each, known), **nest(values)}

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
            got = self._reader.get(
                ask, params, rule.into == "body", path=path, records=rule.records, expect=(404,),
                single=True, method=rule.method,
            )  # fmt: skip
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
        rule = self._write.find
        assert rule is not None
        if any(text_at(raw, rule.match.get(name, name)) != _plain(value) for name, value in key.items()):
            return None
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
        values = {"change": change.id, **change.values, **change.key, "id": known}
        path = fill(call.path, values)
        headers = dict(self._declared.headers)
        if self._write.idempotency and change.id:
            headers[self._write.idempotency] = change.id
        if self._write.etag and change.version and change.operation != "create":
            headers["If-Match"] = change.version
        body = None
        if call.method not in ("GET", "DELETE"):
            headers["Content-Type"] = call.content_type
            body = _body(call, change, values)
        own = {name: [fill(one, values, encode=False) for one in many] for name, many in call.params.items()}
        params = pairs({**self._settings.params, **own})
        answer = self._transport.request(
            call.method, path, params=params, data=body, headers=headers, expect=ANY, idempotent=False
        )
        return self._judged(call, change, answer)

    def _judged(self, call: Call, change: Change, answer: Response) -> Outcome:
        if answer.status == 401:
            self._transport.refuse(answer)
        error = self._verdicts.error(answer)
        if not answer.ok or error or self._verdicts.missing(answer) or self._verdicts.exists(answer):
            return self._refused(answer, error, change)
        identity, version = change.foreign_id, answer.headers.get("etag")
        if answer.body.strip():
            refuse_html(answer)
            identity = self._given(answer, call.id) or identity
            version = self._given(answer, call.version) or version
        identity = identity or _from_location(answer.headers.get("location", ""))
        if change.operation == "create" and identity is None:
            identity = key_text([*change.key.values()]) if not call.id else None
        return Outcome("done", identity, version)

    def _refused(self, answer: Response, error: HubError | None, change: Change) -> Outcome:
        """The outcome of what was not done, by what the body says, or else by its status."""
        wait = wait_of(answer.status, answer.headers, self._transport.now())
        if isinstance(error, Retriable):
            wait = error.wait if wait is None else wait
            return Outcome("retry", change.foreign_id, None, error.code, error.message, wait)
        status = answer.status
        if self._write.again and self._verdicts.exists(answer):  # what was sent before did it
            return Outcome("done", change.foreign_id or key_text([*change.key.values()]))
        if self._verdicts.missing(answer) or self._verdicts.exists(answer):
            status = 404 if self._verdicts.missing(answer) else 409
        elif answer.ok and error is not None:
            return Outcome("rejected", change.foreign_id, None, error.code, error.message)
        message = self._said(answer)
        return of_status(status, change.operation, message, wait=wait, foreign_id=change.foreign_id)

    def _said(self, answer: Response) -> str:
        rule = self._settings.answers
        if rule and rule.message and answer.body:
            try:
                body = answer.json_bytes()
                said = next((one for path in rule.message if (one := text_at(body, path))), None)
            except HubError:
                said = None
            if said:
                return self._transport.redact(said)
        return f"answered {answer.status}{snippet(answer, self._transport.redact)}"

    @staticmethod
    def _given(answer: Response, path: str | None) -> str | None:
        return text_at(answer.json_bytes(), path) if path else None


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    """Fixed content with its slots filled; a text that is one slot and nothing else keeps the value's type."""
    if isinstance(value, dict):
        return {name: _filled(one, values) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, values) for one in value]
    if not isinstance(value, str):
        return value
    alone = _SLOT.fullmatch(value)
    text = fill(value, values, encode=False)
    return values[alone[1]] if alone else text


def _body(call: Call, change: Change, known: Mapping[str, Any]) -> bytes:
    """A record as this kind of change sends it."""
    values = {name: value for name, value in change.values.items() if name not in call.without}
    if call.content_type == "application/x-www-form-urlencoded":
        return urlencode(
            {name: _plain(value) for name, value in values.items() if value is not None}
        ).encode()
    body: Any = nest(values)
    for name in reversed(call.body.split(".") if call.body else []):
        body = {name: body}
    lay(body, _filled(call.fixed, known))
    return msgspec.json.encode(encodable(body))


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
