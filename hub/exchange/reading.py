"""Reading what an exchange maps: a resource, and what is joined to its records."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from hub.contract import Query, Resource, Source
from hub.errors import Fatal
from hub.exchange import quarantine
from hub.exchange.canaries import watched
from hub.exchange.extract import Extracted, extract, key_sql
from hub.exchange.ground import Asked, Hub, Progress
from hub.exchange.join import joined_scan
from hub.exchange.runfile import RunFile
from hub.exchange.strategy import reading
from hub.failpoints import reach
from hub.mapping.compile import Compiled


def read_source(
    hub: Hub,
    run: RunFile,
    source: Source,
    resource: Resource,
    compiled: list[Compiled],
    asked: Asked,
    opened: Callable[[str], Source],
    progress: Progress,
    *,
    waiting: bool = True,
) -> Extracted:
    """Extract the resource, and what ``with`` joins to it; of an incremental read also what is ``waiting``."""
    extracted = pull_source(hub, run, source, resource, compiled, asked, opened, progress, waiting=waiting)
    return judged(hub, run, source, extracted, compiled[0])


def pull_source(
    hub: Hub,
    run: RunFile,
    source: Source,
    resource: Resource,
    compiled: list[Compiled],
    asked: Asked,
    opened: Callable[[str], Source],
    progress: Progress,
    *,
    waiting: bool = True,
    where: tuple[tuple[str, str, str], ...] = (),
) -> Extracted:
    """The same, not ``judged`` yet; the source may leave out what is not ``where`` (see ``Query``)."""
    chosen = reading(hub.database, compiled[0].source, compiled[0])
    heard = chosen.source(source)
    paths = tuple(sorted({path for one in compiled for path in one.paths}))
    query = Query(resource, paths, since=asked.since, token=asked.token, where=where, takes_files=True)
    joins = [
        dataclasses.replace(
            join, paths=tuple(sorted({path for one in compiled for path in one.joins[number].paths}))
        )
        for number, join in enumerate(compiled[0].joins)
    ]
    scan_of = joined_scan(run, joins, opened, compiled[0].structure) if joins else None

    def show(read: int) -> None:
        progress("extract", {"read": read})

    try:
        # What waits for a reference would not come again by itself: it has not changed.
        again = (
            quarantine.waiting(hub.database, hub.keep, compiled[0].mapping, hub.today())
            if asked.incremental and waiting
            else ()
        )
        extracted = extract(heard, query, run, show, scan_of, again)
    except Fatal as error:
        if error.code != "token.expired" or query.token is None:
            raise
        # The source forgot the token of an incremental read: everything is read instead, and that is said.
        extracted = extract(heard, dataclasses.replace(query, token=None), run, show, scan_of)
        note = f"everything was read: {error.message}"
        extracted = dataclasses.replace(extracted, notes=(*extracted.notes, note))
    reach("after_extract")
    return _watched_joins(hub, run, extracted, compiled[0], opened)


def judged(hub: Hub, run: RunFile, source: Source, extracted: Extracted, compiled: Compiled) -> Extracted:
    """By what is not relied upon, and by the canaries of the resource."""
    extracted = reading(hub.database, compiled.source, compiled).judged(extracted)
    system, _, name = compiled.source.partition(".")
    declared = hub.workspace.system(system).canaries
    if name in declared:
        key = source.resource(name).key
        rows = f"SELECT {key_sql(key)} AS key FROM ({extracted.scan})"
        if key == extracted.resource.key:
            rows = "SELECT key FROM extracted"
        extracted = watched(run, extracted, declared[name], f"canaries of {compiled.source}", rows)
    return extracted


def _watched_joins(
    hub: Hub, run: RunFile, extracted: Extracted, compiled: Compiled, opened: Callable[[str], Source]
) -> Extracted:
    """By the canaries of the joined resources, each by its own key."""
    for number, join in enumerate(compiled.joins):
        others = hub.workspace.system(join.system).canaries
        if join.resource in others:
            key = opened(join.system).resource(join.resource).key
            rows = f"SELECT {key_sql(key)} AS key FROM joined_{number}_rows"
            whose = f"canaries of {join.system}.{join.resource}"
            extracted = watched(run, extracted, others[join.resource], whose, rows)
    return extracted
