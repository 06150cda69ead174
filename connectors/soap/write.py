"""Writing records by operations, and looking them up."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.soap.call import Reply, Service, nested
from connectors.soap.declared import Call, SoapResource, Write
from connectors.soap.read import Reader, failure
from connectors.soap.records import text_at
from hub.contract import Change, Found, Outcome, OutcomeStatus, Secret, key_text
from hub.errors import AuthError, ConfigError, Fatal, RecordRejected
from hub.http.answers import refuse_html, snippet
from hub.http.outcomes import each, of_status
from hub.http.records import nest
from hub.http.waits import wait_of
from hub.untrusted import parse_json

_SLOT = re.compile(r"\{([^{}]*)\}")
_STATUS: dict[str, OutcomeStatus] = {
    "rejected": "rejected", "conflict": "conflict", "retry": "retry", "unknown": "unknown", "nothing": "conflict",
}  # fmt: skip


class Writer:
    """Writes one resource."""

    def __init__(self, service: Service, name: str, declared: SoapResource) -> None:
        self._service, self._name, self._declared = service, name, declared
        self._write = declared.write or Write()

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        for operation in dict.fromkeys(change.operation for change in changes):
            self._service.port.operation(self._call(operation).operation)
        return each(changes, self._send)

    def find(self, key: Mapping[str, Any]) -> Found | None:
        """Look one record up; what the service finds besides is not taken."""
        rule = self._write.find
        if rule is None:
            raise ConfigError("write.find", "no look-up is declared", hint="add write: {find: {params: …}}")
        operation = rule.operation or self._declared.operation
        if operation is None:
            raise ConfigError(
                "write.find", "the look-up has no operation", hint="add operation: to write.find"
            )
        records = rule.records if rule.records is not None or rule.operation else self._declared.records
        place = self._service.port.place(operation, records, "write.find.records")
        reader = Reader(
            self._service, self._declared.model_copy(update={"operation": operation, "total": None})
        )
        got = reader.get(operation, filled(rule.params, key), place, self._declared.timeout)
        lines = got.taken.lines.splitlines() if got.taken else []
        values: list[dict[str, Any]] = [parse_json(line) for line in lines]
        found = [one for one in values if all(_same(one, name, value) for name, value in key.items())]
        if len(found) > 1:
            raise RecordRejected(
                "find.ambiguous", f"several records have the key {key_text([*key.values()])}"
            )
        if not found:
            return None
        identity = _text_in(found[0], rule.id)
        if identity is None:
            raise Fatal("find.id", f"the record found has no {rule.id}", hint="check write.find.id")
        return Found(identity, _text_in(found[0], rule.version) if rule.version else None, found[0])

    def _call(self, operation: str) -> Call:
        call: Call | None = getattr(self._write, operation)
        if call is None:
            raise ConfigError(
                "write.undeclared", f"{operation} is not declared for {self._name}",
                hint=f"add write: {{{operation}: …}} or do not map it",
            )  # fmt: skip
        return call

    def _send(self, change: Change) -> Outcome:
        call = self._call(change.operation)
        known = change.foreign_id or key_text([*change.key.values()])
        values = filled(call.params, {**change.key, **change.values, "id": known})
        if call.body or change.operation != "delete":
            record = nest({name: value for name, value in change.values.items() if name not in call.without})
            values = nested({call.body: record, **values}) if call.body else nested({**record, **values})
        if self._write.idempotency and change.id:
            values = nested({**values, self._write.idempotency: change.id})
        if self._write.version and change.version and change.operation != "create":
            values = nested({**values, self._write.version: change.version})
        reply = self._service.write(call.operation, values, call.nulls)
        return self._judged(call, change, reply)

    def _judged(self, call: Call, change: Change, reply: Reply) -> Outcome:
        answer, transport = reply.answer, self._service.transport
        if reply.fault is not None and reply.judged is not None:
            said = transport.redact(str(reply.fault))
            if reply.judged.means == "auth":
                raise AuthError("auth.refused", f"the credentials were refused: {said}", where=answer.where,
                                hint="check security:, soap_headers:, login: and auth:")  # fmt: skip
            if change.operation == "delete" and reply.judged.means == "nothing":
                return Outcome("done", change.foreign_id)
            return Outcome(
                _STATUS[reply.judged.means], change.foreign_id, None, "soap.fault", said, reply.judged.wait
            )
        if answer.status == 401:
            transport.refuse(answer)
        if not answer.ok:
            wait = wait_of(answer.status, answer.headers, transport.now())
            message = f"answered {answer.status}{snippet(answer, transport.redact)}"
            return of_status(
                answer.status, change.operation, message, wait=wait, foreign_id=change.foreign_id
            )
        return self._done(call, change, reply)

    def _done(self, call: Call, change: Change, reply: Reply) -> Outcome:
        """The outcome of an answer without a fault."""
        service, answer = self._service, reply.answer
        one_way = service.port.answer(call.operation) is None
        identity, version = change.foreign_id, None
        if answer.body.strip() or not one_way:
            refuse_html(answer)
            root = service.tree(answer)
            service.expect_envelope(root, answer.where)
            rule = service.settings.answers
            found = failure(root, rule) if rule else None
            if rule and found:
                verdict, said = found
                status: OutcomeStatus = (
                    "retry"
                    if verdict in rule.retry
                    else "conflict"
                    if verdict in rule.conflict
                    else "rejected"
                )
                message = f"answered failure {service.transport.redact(said)}"
                return Outcome(status, change.foreign_id, None, "answer.failed", message, rule.wait)
            identity = (text_at(root, call.id) if call.id else None) or identity
            version = text_at(root, call.version) if call.version else None
        if change.operation == "create" and identity is None and not call.id:
            identity = key_text([*change.key.values()])
        return Outcome("done", identity, version)


def filled(params: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters with values in their ``{name}`` slots; a slot alone keeps the kind of its value."""
    return {name: _filled(value, values) for name, value in params.items()}


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, Mapping):
        return filled(template, values)
    if isinstance(template, list):
        return [_filled(one, values) for one in template]
    if not isinstance(template, str) or isinstance(template, Secret):
        return template

    def put(found: re.Match[str]) -> str:
        value = values.get(found[1])
        if value is None or value == "":
            raise RecordRejected("write.slot", f"there is no value for {{{found[1]}}} in {template}")
        return "true" if value is True else "false" if value is False else str(value)

    return _SLOT.sub(put, template)


def _same(record: Any, name: str, value: Any) -> bool:
    found = _text_in(record, name)
    wanted = None if value is None else "true" if value is True else "false" if value is False else str(value)
    return found == wanted


def _text_in(record: Any, path: str) -> str | None:
    """A scalar of a record as text."""
    for step in path.split("."):
        record = record.get(step) if isinstance(record, Mapping) else None
    if record is None or isinstance(record, dict | list):
        return None
    return ("true" if record else "false") if isinstance(record, bool) else str(record)
