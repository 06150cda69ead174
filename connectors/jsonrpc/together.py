"""Creating many records by one call, with a verdict for each: which record got which id is looked up, not believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.jsonrpc.calls import Domain
from connectors.jsonrpc.declared import RpcResource
from connectors.jsonrpc.read import Reader, tree
from connectors.jsonrpc.service import Service
from connectors.jsonrpc.values import text
from hub.contract import Change, Outcome
from hub.errors import HubError, RecordRejected
from hub.http import NOT_SENT

Values = Mapping[str, Any]
MOST = 100
"""Records of one call."""


class Together:
    """Creates of one resource. A call is one transaction: where it is refused, no record of it stands."""

    def __init__(self, service: Service, declared: RpcResource, reader: Reader) -> None:
        self._service, self._declared, self._reader = service, declared, reader
        self._changes: list[Change] = []
        self._done: dict[int, Outcome] = {}
        self._until = -1
        """The last change that has been part of a call."""
        self._size = MOST

    def prepare(self, changes: Sequence[Change]) -> None:
        """Forget earlier answers; the changes that follow are of this delivery."""
        self._changes, self._done, self._until = list(changes), {}, -1

    def create(self, change: Change, values_of: Callable[[Change], Values]) -> Outcome | None:
        """The outcome of a create, sent with those that follow it; None where it must go by itself: its key has
        several parts, others of the call have the same, it is there already, or the call was refused."""
        at = next(index for index, one in enumerate(self._changes) if one is change)
        if at in self._done:
            return self._done.pop(at)
        group = self._group(at)
        if len(group) < 2 or at <= self._until:
            return None
        self._until = group[-1]
        self._send(group, values_of)
        return self._done.pop(at, None)

    def _group(self, at: int) -> list[int]:
        """Creates from here on without a gap, of keys with one part, each key once."""
        made: list[int] = []
        keys: set[str] = set()
        kinds = self._service.kinds(self._declared.model)
        for index in range(at, min(len(self._changes), at + self._size)):
            one = self._changes[index]
            (value, *more) = one.key.values() or ("",)
            if one.operation != "create" or more or value in (None, "") or text(value) in keys:
                break
            if next(iter(one.key)) not in kinds:
                break
            keys.add(text(value))
            made.append(index)
        return made

    def _send(self, group: list[int], values_of: Callable[[Change], Values]) -> None:
        there = self._ids(group)
        values: dict[int, Values] = {}
        for index in group:
            if self._key(index) in there:
                continue  # by itself it gets its conflict
            try:
                values[index] = values_of(self._changes[index])
            except RecordRejected as error:
                self._done[index] = Outcome("rejected", None, None, error.code, error.message)
        if len(values) < 2:
            return
        call = self._service.dialect.create_all(self._declared.model, list(values.values()))
        try:
            outcome, result = self._service.write(call, "create", None)
        except HubError as error:
            if error.code in NOT_SENT:
                raise
            outcome, result = Outcome("unknown", None, None, error.code, error.message), None
        if outcome.status == "done":
            self._judge(list(values), result)
        elif outcome.status == "unknown" or outcome.wait is not None:
            self._done |= dict.fromkeys(values, outcome)
        elif outcome.status != "rejected":  # too many at once, it may be: the others go in smaller groups
            self._size, self._until = max(1, len(group) // 4), group[0]
        # of what is refused, each is told by itself what it is refused for

    def _judge(self, sent: list[int], result: Any) -> None:
        """Each record's id by its key. A server that changes a key on the way is believed in its order, if that is
        right for all others."""
        ids = [str(one) for one in result if isinstance(one, int)] if isinstance(result, list) else []
        try:
            found = self._ids(sent)
        except HubError as error:
            self._done |= dict.fromkeys(sent, Outcome("unknown", None, None, error.code, error.message))
            return
        known = {index: found[self._key(index)] for index in sent if found.get(self._key(index)) in ids}
        ordered = len(ids) == len(sent) == len(set(ids)) and all(
            known.get(index, one) == one for index, one in zip(sent, ids, strict=True)
        )
        if ordered:
            known = dict(zip(sent, ids, strict=True))
        message = "the answer does not say which record it made"
        for index in sent:
            lost = Outcome("unknown", None, None, "jsonrpc.answer", message)
            self._done[index] = Outcome("done", known[index]) if index in known else lost

    def _ids(self, group: Sequence[int]) -> dict[str, str]:
        """Key texts → ids of the records of these keys that are there."""
        (name,) = self._changes[group[0]].key
        kind = self._service.kinds(self._declared.model)[name]
        dialect, wanted = self._service.dialect, [self._changes[index].key[name] for index in group]
        condition: Domain = [[name, "in", [dialect.encode(kind, one) for one in wanted]]]
        domain = dialect.both(self._declared.domain, condition)
        rows = self._reader.lookup(domain, tree(["id", name]), 2 * len(group))
        return {text(row[name]): str(row["id"]) for row in rows}

    def _key(self, index: int) -> str:
        (value,) = self._changes[index].key.values()
        return text(value)
