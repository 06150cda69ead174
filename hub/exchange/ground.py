"""What a run stands on, and what it was asked for."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.contract import Resource, Source
from hub.exchange.documents.contents import Contents
from hub.exchange.keep import Keep
from hub.mapping.compile import Compiled
from hub.mapping.compiled import whole_hash
from hub.security.actors import Actor
from hub.security.signing import Signer
from hub.store import marks
from hub.store.database import Database, now
from hub.workspace.shape import MappingFile
from hub.workspace.strict import seconds
from hub.workspace.workspace import Workspace

Progress = Callable[[str, Mapping[str, int]], None]


@dataclass(frozen=True, slots=True)
class Hub:
    """Made by ``hub.bootstrap``. ``connect`` opens a system's connector, with secrets resolved, ``connect_as`` by the
    account of a person there; the caller closes it. ``actor`` is who runs it, ``signer`` signs for the hub. ``memory``
    and ``threads`` cap one run's DuckDB."""

    workspace: Workspace
    database: Database
    keep: Keep
    contents: Contents
    connect: Callable[[str], Any]
    connect_as: Callable[[str, str], Any]
    scratch: Path
    actor: Actor
    signer: Signer
    memory: str = "450MB"
    threads: int = 2
    clock: Callable[[], dt.datetime] = now

    def today(self) -> dt.date:
        """The day in the hub's zone."""
        return self.clock().astimezone(ZoneInfo(self.workspace.hub.zone)).date()

    def opened(self, stack: ExitStack, system: str) -> Any:
        """A connector that the stack closes."""
        connector = self.connect(system)
        stack.callback(connector.close)
        return connector


@dataclass(frozen=True, slots=True)
class Asked:
    """From where to read (None, None: everything), in which mode; ``previous`` is the size of the last
    complete snapshot, 0 before the first, ``place`` where that came from; ``given`` says that records at hand
    are taken instead."""

    mode: str
    initial: bool = False
    since: str | None = None
    token: str | None = None
    previous: int = 0
    seq: int = 0
    fields: Mapping[str, tuple[float, tuple[str, ...]]] = field(default_factory=dict)
    given: bool = False
    place: Mapping[str, str] = field(default_factory=dict)

    @property
    def incremental(self) -> bool:
        """Only what the source gives since the last read."""
        return self.since is not None or self.token is not None or self.given

    @property
    def everything(self) -> bool:
        return not self.incremental and self.seq == 0


def asked_of(
    database: Database,
    mapping: MappingFile,
    compiled: list[Compiled],
    mode: str,
    *,
    cursor: str | None,
    initial: bool,
    full: bool,
    given: bool = False,
) -> Asked:
    """The watermark less the overlap, or everything: in full modes, before the first run, and after the
    mapping changed (what it left alone must be mapped anew). ``given``: nothing is read."""
    mark = marks.read(database, mapping.mapping)
    if mark is None:
        return Asked(mode, initial, given=given)
    asked = Asked(
        mode,
        initial,
        previous=mark.snapshot or 0,
        fields=_profile(mark.fields),
        given=given,
        place=mark.place,
    )
    if given or full or mode in ("full", "link_only") or mark.map_hash != whole_hash(compiled):
        return asked
    if mapping.direction == "outbound":
        return dataclasses.replace(asked, seq=mark.seq or 0)
    if mark.token is not None:
        return dataclasses.replace(asked, token=mark.token)
    if cursor and mark.value is not None:
        return dataclasses.replace(asked, since=back(mark.value, seconds(mapping.overlap)))
    return asked


def _profile(stored: Mapping[str, Any]) -> dict[str, tuple[float, tuple[str, ...]]]:
    """The source's fields as the last snapshot had them; see ``hub.exchange.drift``."""
    return {path: (float(share), tuple(kinds)) for path, (share, kinds) in stored.items()}


def back(value: str, overlap: float) -> str:
    """A time goes back by the overlap; what is no time (a number, a text) stays: it is read again by >=.

    >>> back("2026-01-31T12:00:00Z", 300)
    '2026-01-31T11:55:00Z'
    >>> back("4711", 300)
    '4711'
    """
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return value
    if "T" not in value and " " not in value:
        return value
    text = (moment - dt.timedelta(seconds=overlap)).isoformat()
    return text.replace("+00:00", "Z") if value.endswith("Z") else text


def keyed(resource: Resource, compiled: Compiled) -> Resource:
    """The resource with the key by which the mapping knows a record: not that of an element of it, nor
    that of the record written."""
    resource = resource.read_as or resource
    return dataclasses.replace(resource, key=compiled.key_fields or resource.key)


def source_number(database: Database, mapping: MappingFile, compiled: Compiled) -> int:
    """The number of the foreign place that one output sees: where it reads, or for outbound writes."""
    outbound = compiled.direction == "outbound"
    system, _, resource = (compiled.output if outbound else mapping.from_).partition(".")
    models = {"inbound": compiled.output, "outbound": mapping.from_, "pass": ""}
    return marks.source_number(
        database,
        mapping.mapping,
        f"{compiled.number}:{compiled.output}",
        system=system,
        resource=resource,
        model=models[compiled.direction],
        direction=compiled.direction,
    )


def opened_source(hub: Hub, stack: ExitStack, system: str) -> Source:
    source: Source = hub.opened(stack, system)
    return source
