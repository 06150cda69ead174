"""Records at hand: the stages run on them as on records just read, and nothing is asked of the source.

Originals of the quarantine come this way when they are replayed. What is at hand is never a snapshot:
absence does not count, and the watermark stays where it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field

from hub.contract import Resource
from hub.exchange.extract import EARLIER, Certificate, Extracted, drop_deleted, flag_duplicates, index
from hub.exchange.ground import Hub, opened_source
from hub.exchange.pages import Piece, objects, write_lines
from hub.exchange.runfile import RunFile


@dataclass(frozen=True, slots=True)
class Given:
    """``lines`` are records as they were read (JSON texts), ``deleted`` keys reported as deleted; of an
    outbound exchange ``entities`` are the ids to look at. ``origin`` names where they lay, ``pieces`` more
    exactly; ``versions`` are the cursors of deletions by key, where they have one."""

    lines: Iterable[bytes] = field(default=(), repr=False)
    deleted: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    origin: str = EARLIER
    pieces: tuple[Piece, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def described(hub: Hub, stack: ExitStack, system: str, name: str) -> Resource:
    """The resource as its declaration tells it; the system is asked only where it does not."""
    found = hub.workspace.system(system).describe(name)
    return found if found is not None else opened_source(hub, stack, system).resource(name)


def at_hand(run: RunFile, resource: Resource, given: Given) -> Extracted:
    """Bring what is at hand into ``extracted``. Of several versions of a record the newest by cursor counts,
    or the last where there is no cursor."""
    path = run.stage / "records-at-hand.ndjson"
    count = write_lines(path, given.lines)
    scan = objects([path]) if count else "SELECT NULL::JSON AS raw WHERE false"
    pieces = given.pieces or (Piece(0, given.origin, 1),)
    if count and given.deleted:  # what is told together with its deletion is of an earlier read, and lies first
        dropped = drop_deleted(run, resource, path, {key: given.versions.get(key, "") for key in given.deleted})
        count -= dropped
        pieces = tuple(dataclasses.replace(one, start=max(0, one.start - dropped)) for one in pieces)
    read, keyless = index(run, resource, scan, count, pieces, again=True)
    return Extracted(
        resource,
        full=False,
        read=read,
        duplicates=flag_duplicates(run, resource, read),
        keyless=keyless,
        certificate=Certificate(False, given.origin),
        cursor=None,
        token=None,
        deleted=given.deleted,
        pieces=pieces,
        fields=(),
        scan=scan,
    )
