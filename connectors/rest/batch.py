"""Several changes in one request: what is sent, and what the answer says of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from connectors.rest.declared import Batch
from hub.contract import Change, Outcome, OutcomeStatus
from hub.http import Response
from hub.http.records import dig, encodable, text_at
from hub.untrusted import parse_json


def enclosed(batch: Batch, rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The body with the records where the declaration wants them."""
    body: Any = encodable(rows)
    for name in reversed(batch.records.split(".") if batch.records else []):
        body = {name: body}
    return msgspec.json.encode({**batch.fixed, **body} if isinstance(body, dict) else body)


def verdicts(
    batch: Batch, changes: Sequence[Change], answer: Response, redact: Callable[[str], str]
) -> list[Outcome]:
    """One outcome per change. An answer that has not one verdict for each, or that shows the id of one record
    for another, says nothing of any."""
    found = dig(answer.json_bytes(), batch.results)
    results = []
    if found is not None and bytes(found).startswith(b"["):
        results = parse_json(bytes(found), list[msgspec.Raw], where=answer.where)
    if len(results) != len(changes) or _mixed_up(batch, changes, results):
        message = f"the answer to a batch of {len(changes)} does not tell what became of each"
        return [Outcome("unknown", one.foreign_id, None, "batch.answers", message) for one in changes]
    return [_outcome(batch, one, bytes(raw), redact) for one, raw in zip(changes, results, strict=True)]


def _mixed_up(batch: Batch, changes: Sequence[Change], results: Sequence[msgspec.Raw]) -> bool:
    if batch.id is None:
        return False
    shown = [text_at(raw, batch.id) for raw in results]
    known = {one.foreign_id for one in changes if one.foreign_id}
    return any(id_ in known and one.foreign_id != id_ for one, id_ in zip(changes, shown, strict=True) if id_)


def _outcome(batch: Batch, change: Change, raw: bytes, redact: Callable[[str], str]) -> Outcome:
    if text_at(raw, batch.ok) in batch.equals:
        identity = text_at(raw, batch.id) if batch.id else None
        version = text_at(raw, batch.version) if batch.version else None
        return Outcome("done", identity or change.foreign_id, version)
    code = (text_at(raw, batch.code) if batch.code else None) or ""
    said = (text_at(raw, batch.message) if batch.message else None) or ""
    status: OutcomeStatus = "rejected"
    if code in batch.retry:
        status = "retry"
    elif code in batch.conflict:
        status = "conflict"
    message = redact(f"answered failure {code or '(none)'}: {said}")
    return Outcome(status, change.foreign_id, None, "answer.failed", message)
