"""Sending IDocs: one message for each change, into a folder or to SAP's inbound service.

The number of a message, its file and its content follow from the intent it is sent for. So where nobody knows
whether it arrived, it goes again as the same message. Nothing that was sent can be looked up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from connectors.idoc.building import Message, message
from connectors.idoc.definition import kind
from connectors.idoc.kinds import Kind, laid_out
from connectors.idoc.settings import IdocResource
from connectors.idoc.writing import flat, xml
from hub.contract import Change, Outcome, key_text
from hub.errors import RecordRejected
from hub.http.outcomes import each
from hub.http.transport import NOT_SENT
from hub.place import Place, checked, marker, whole
from hub.untrusted import XML_LIMIT

NOT_THERE = frozenset({
    *NOT_SENT, "folder.missing", "folder.denied", "folder.protocol", "file.denied", "file.write", "path.outside",
})  # fmt: skip
"""Codes of failures after which nothing was sent."""


class Way(Protocol):
    """Where messages go."""

    def send(self, docnum: str, identity: str, made: Message) -> Outcome: ...


class Sender:
    """Sends the records of one resource."""

    def __init__(self, context_folder: str, place: str, declared: IdocResource, way: Way) -> None:
        assert declared.send is not None
        assert declared.definition is not None
        self._place, self._declared, self._rules, self._way = place, declared, declared.send, way
        self._kind = built_by(context_folder, declared)

    def deliver(self, changes: Sequence[Change]) -> list[Outcome]:
        return each(changes, self._send, NOT_THERE)

    def _send(self, change: Change) -> Outcome:
        updates = self._rules.updates
        if change.operation == "delete" or (change.operation == "update" and updates != "send"):
            if updates == "skip":
                return Outcome("done", change.foreign_id)
            why = "a message that was sent stays as it is, and cannot be taken back"
            return Outcome("rejected", change.foreign_id, None, "idoc.sent", why)
        identity = self._identity(change)
        docnum = f"{int(identity, 16) % (10**16 - 1) + 1:016}"
        try:
            made = message({**change.key, **change.values}, self._kind, self._declared, self._rules, docnum)
            return self._way.send(docnum, identity[:32], made)
        except RecordRejected as error:
            told = f"{error.where}: {error.message}" if error.where else error.message
            return Outcome("rejected", change.foreign_id, None, error.code, told)

    def _identity(self, change: Change) -> str:
        """The same for the same intent, whoever sends it when."""
        intent = change.id or key_text([*change.key.values()])
        return hashlib.sha256(f"{self._place}\n{intent}".encode()).hexdigest()


def built_by(folder: str, declared: IdocResource) -> Kind:
    """The definition of what is sent, with the declared layouts where it is flat."""
    found = kind(folder, declared.definition or "")
    return laid_out(found, declared.segments) if declared.format == "flat" else found


class Drop:
    """Files in a folder: a file appears whole, and its marker after it."""

    def __init__(self, place: Place, declared: IdocResource) -> None:
        self._place, self._declared = place, declared

    def send(self, docnum: str, identity: str, made: Message) -> Outcome:
        """``done``, also where the very file lies there already; RecordRejected ``idoc.taken`` where another does."""
        declared = self._declared
        text = flat(made, declared) if declared.format == "flat" else xml(made)
        name = checked((declared.path or "").replace("{DOCNUM}", docnum))
        there = self._place.find(name)
        if there and whole(self._place, there[0], XML_LIMIT) != text:
            why = f"the file {name} is there already, with another content"
            return Outcome("rejected", None, None, "idoc.taken", why)
        if not there:
            with self._place.replacing(name) as stream:
                stream.write(text)
        if declared.done:
            with self._place.replacing(checked(marker(name, declared.done))):
                pass
        return Outcome("done", docnum)
