"""Documents between a system and the content store, around its connector: stages see records, which tell what a
document holds by its hash.

What the hub saw at a revision is not fetched again. What is fetched is stored before its record is given on, so that
a version is never applied without its content; what cannot be fetched is set aside with its reason, and the others go
on. What is delivered is taken from the store and verified on its way; a target that was changed since by nobody but
whom the hub has heard is written over, any other is not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from hub.contract import Change, Found, LocalFile, Outcome, Page, Query, Resource, key_text
from hub.errors import Fatal, RecordRejected, Retriable
from hub.exchange.documents.contents import Contents
from hub.failpoints import reach
from hub.store import documents
from hub.store.database import Database
from hub.store.documents import Copy

UNFETCHED = "content!"
"""The field of a record that says why its content is not here: code and message."""


class Documents:
    """A connector as the stages know it, with what its documents hold."""

    def __init__(self, inner: Any, system: str, database: Database, contents: Contents) -> None:
        self._inner, self._system = inner, system
        self._database, self._contents = database, contents

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    # ------------------------------------------------------------ source

    def read(self, query: Query) -> Iterator[Page]:
        """The pages of the connector, with the hash in every record of a document."""
        if not query.resource.content:
            yield from self._inner.read(query)
            return
        for page in self._inner.read(dataclasses.replace(query, fields=(), takes_files=False)):
            yield dataclasses.replace(page, records=self._filled(query.resource, page))

    def _filled(self, resource: Resource, page: Page) -> bytes:
        if isinstance(page.records, LocalFile | pa.RecordBatch):
            raise Fatal("page.mixed", f"{resource.name}: documents come as JSON records")
        records = [orjson.loads(line) for line in page.records.splitlines() if line.strip()]
        keys = [key_text([one.get(name) for name in resource.key]) for one in records]
        known = documents.copies(self._database, self._place(resource), keys)
        seen: list[Copy] = []
        for key, record in zip(keys, records, strict=True):
            copy = known.get(key)
            revision = _revision(resource, record)
            if copy is None or copy.revision != revision or not revision:
                copy = self._fetched(resource, key, revision, record)
                seen += [copy] if copy else []
            if copy:
                record |= {resource.content: copy.sha256, "size": copy.size}
            else:
                record[resource.content] = None
        documents.saw(self._database, self._place(resource), seen)
        return b"\n".join(map(orjson.dumps, records))

    def _fetched(self, resource: Resource, key: str, revision: str, record: dict[str, Any]) -> Copy | None:
        """What the document holds, stored; None where its record says now why not."""
        try:
            stored = self._contents.put(self._inner.content(resource, record))
        except (RecordRejected, Retriable) as error:
            record[UNFETCHED] = {"code": error.code, "message": error.message}
            return None
        return Copy(key, revision, stored.sha256, stored.size)

    # ------------------------------------------------------------ target

    def deliver(self, resource: Resource, changes: Sequence[Change]) -> list[Outcome]:
        """The connector's outcomes; a document that the store does not have is rejected, and the others go on."""
        if not resource.content:
            return list(self._inner.deliver(resource, changes))
        place = self._place(resource)
        known = documents.copies(self._database, place, [key_text([*one.key.values()]) for one in changes])
        outcomes: dict[int, Outcome] = {}
        going: dict[int, Change] = {}
        for index, change in enumerate(changes):
            try:
                going[index] = self._with_content(resource, change, known.get(key_text([*change.key.values()])))
            except RecordRejected as error:
                outcomes[index] = Outcome("rejected", code=error.code, message=error.message)
        if going:
            reach("before_content_sent")
            answers = self._inner.deliver(resource, [*going.values()])
            outcomes |= dict(zip(going, answers, strict=True))
        self._remember(resource, place, changes, going, outcomes)
        return [outcomes[index] for index in range(len(changes))]

    def _with_content(self, resource: Resource, change: Change, known: Copy | None) -> Change:
        if known and change.operation != "create" and known.base == known.sha256:
            change = dataclasses.replace(change, version=known.revision)  # what it holds has been heard
        values = {name: value for name, value in change.values.items() if name != resource.content}
        sha256 = change.values.get(resource.content)
        if change.operation == "delete" or sha256 is None:
            return dataclasses.replace(change, values=values)
        content = self._contents.content(str(sha256))
        if content is None:
            raise RecordRejected("content.missing", f"the content store has no {str(sha256)[:12]}")
        return dataclasses.replace(change, values=values, content=content)

    def _remember(
        self,
        resource: Resource,
        place: str,
        changes: Sequence[Change],
        sent: Mapping[int, Change],
        outcomes: Mapping[int, Outcome],
    ) -> None:
        held: list[Copy] = []
        gone: list[str] = []
        for index, change in enumerate(changes):
            outcome, before = outcomes[index], key_text([*change.key.values()])
            if outcome.status != "done":
                continue
            after = key_text([change.values.get(name, value) for name, value in change.key.items()])
            if change.operation == "delete" or after != before:
                gone.append(before)
            content = sent[index].content
            if content is not None and outcome.version:
                held.append(Copy(after, outcome.version, content.sha256, content.size))
        if gone:
            documents.gone(self._database, place, gone)
        documents.agreed(self._database, place, held)

    def find(self, resource: Resource, keys: Sequence[Mapping[str, Any]]) -> list[Found | None]:
        """What is found tells what it holds: a version that nobody has seen yet is stored before it is judged."""
        found = list(self._inner.find(resource, keys))
        if not resource.content:
            return found
        known = documents.copies(self._database, self._place(resource), [key_text([*one.values()]) for one in keys])
        seen: list[Copy] = []
        for index, (key, one) in enumerate(zip(keys, found, strict=True)):
            if one is None:
                continue
            text, record = key_text([*key.values()]), dict(one.values)
            copy = known.get(text)
            revision = one.version or _revision(resource, record)
            if copy is None or copy.revision != revision:
                stored = self._contents.put(self._inner.content(resource, record))
                copy = Copy(text, revision, stored.sha256, stored.size)
                seen.append(copy)
            found[index] = dataclasses.replace(one, values=record | {resource.content: copy.sha256})
        documents.saw(self._database, self._place(resource), seen)
        return found

    def _place(self, resource: Resource) -> str:
        return f"{self._system}.{resource.name}"


def _revision(resource: Resource, record: Mapping[str, Any]) -> str:
    if resource.revision:
        return str(record.get(resource.revision) or "")
    return orjson.dumps(record, option=orjson.OPT_SORT_KEYS).decode()
