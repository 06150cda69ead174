"""A run in parts: opened once, read by several processes, closed once, under one set of leases.

    open_run     journal, leases, a row per part
    run_part     reads and maps one range; a part that is done already is left alone
    close_run    puts the parts together and does what ``run_exchange`` does after reading

Whatever is killed, the same call again goes on: a part counts when its row has a digest, and nothing but the closing
step writes what a run writes. Parts are void when another run took a lease in between.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from hub import tracing
from hub.errors import ConfigError, Fatal, HubError, Retriable
from hub.exchange.course import Course, Result
from hub.exchange.gates import require_open
from hub.exchange.ground import Asked, Hub, Progress, asked_of, opened_source
from hub.exchange.inbound import place_read
from hub.exchange.parts.gather import Parts
from hub.exchange.parts.ranges import ranges
from hub.exchange.parts.slices import digests, seal, unseal
from hub.exchange.pipeline import FINISHED, answered, asked_for, finished, lease_names, silent
from hub.exchange.runfile import open_run as open_run_file
from hub.exchange.splitting.reading import read_part
from hub.exchange.strategy import reading
from hub.failpoints import reach
from hub.mapping.compile import Compiled, compile_mapping
from hub.store import journal
from hub.store import parts as store
from hub.store.journal import Lease, RunRow
from hub.store.patience import lease_seconds
from hub.workspace.shape import MappingFile

log = logging.getLogger("hub.runs")
PATIENCE = 3600.0
"""Seconds for which the leases of a run hold whose parts wait for a place: nobody renews them meanwhile."""


def run_split(
    hub: Hub,
    exchange: str,
    mode: str,
    run_key: str,
    work: Callable[[list[int]], None],
    *,
    initial: bool = False,
    full: bool = False,
    accept_drift: bool = False,
    progress: Progress = silent,
) -> Result:
    """One exchange whose parts ``work`` runs, in processes that it starts; see ``run_exchange``. Where less than
    everything is read it runs as a whole."""
    mapping, mode = asked_for(hub, exchange, mode)
    if (done := finished(hub, run_key)) is not None:
        return done
    require_open(hub, mapping, mode)
    with (
        tracing.span(f"run in parts {exchange}", exchange=exchange, mode=mode, run_key=run_key),
        journal.leases(hub.database, lease_names(mapping)) as held,
    ):
        row, waiting = _opened(hub, mapping, mode, run_key, held, full=full)
        if row.state in FINISHED:
            return answered(hub, row)

        def first() -> None:
            if waiting:
                work(waiting)

        return _closed(
            hub, mapping, row, held, progress, first, initial=initial, full=full, accept_drift=accept_drift
        )


def open_run(hub: Hub, exchange: str, mode: str, run_key: str, *, full: bool = False) -> list[int]:
    """Begin a run whose parts and closing step run elsewhere; answers the parts that are to be run, none where it is
    not split. Until it is closed nobody else runs the exchange, or for an hour."""
    mapping, mode = asked_for(hub, exchange, mode)
    if finished(hub, run_key) is not None:
        return []
    require_open(hub, mapping, mode)
    held = journal.take(hub.database, set(lease_names(mapping)), PATIENCE, _by(run_key))
    try:
        return _opened(hub, mapping, mode, run_key, held, full=full)[1]
    except HubError:
        journal.release(hub.database, held)
        raise


def run_part(hub: Hub, run_key: str, number: int, progress: Progress = silent) -> bool:
    """Read and map one part of an open run; False where that was done before."""
    row, parts = _open(hub, run_key)
    part = next((one for one in parts if one.number == number), None)
    if part is None or part.digest:
        return False
    mapping = hub.workspace.mapping(row.exchange)
    compiled = compile_mapping(mapping, hub.workspace)
    assert mapping.split is not None
    held, begun = list(part.leases), time.monotonic()
    with ExitStack() as stack:
        # What waits elsewhere is waited for as long; of a run whose process lives this changes nothing.
        stack.enter_context(journal.beating(hub.database, held, PATIENCE))
        run = stack.enter_context(open_run_file(hub.scratch, hub.memory, hub.threads))
        mine = ranges(mapping.split)[number]
        asked = Asked(row.mode)
        with tracing.span(f"part {row.exchange}", exchange=row.exchange, run=str(row.id), part=number):
            told = read_part(hub, run, mapping, compiled, asked, mine, progress)
        store.done(hub.database, row.id, part, seal(hub.keep, told))
    what = {"run": str(row.id), "run_key": run_key, "exchange": row.exchange, "part": number, "read": told["read"]}
    log.info("part read", extra=what | {"seconds": round(time.monotonic() - begun, 3)})
    reach("after_part")
    return True


def close_run(
    hub: Hub,
    exchange: str,
    mode: str,
    run_key: str,
    *,
    initial: bool = False,
    full: bool = False,
    accept_drift: bool = False,
    progress: Progress = silent,
) -> Result:
    """The closing step of a run that ``open_run`` began; Retriable ``parts.waiting`` while a part is not done. Errors
    are those of ``run_exchange``."""
    mapping, mode = asked_for(hub, exchange, mode)
    if (done := finished(hub, run_key)) is not None:
        return done
    require_open(hub, mapping, mode)
    held = journal.take(hub.database, set(lease_names(mapping)), lease_seconds(), _by(run_key))
    try:
        with journal.beating(hub.database, held, lease_seconds()):
            row, waiting = _opened(hub, mapping, mode, run_key, held, full=full)
            if waiting:
                raise Retriable(
                    "parts.waiting",
                    f"{len(waiting)} parts of the run are not read yet, or were read before another run",
                    hint="run them, then close the run; or run the exchange anew",
                )
            return _closed(
                hub, mapping, row, held, progress, initial=initial, full=full, accept_drift=accept_drift
            )
    finally:
        journal.release(hub.database, held)


def _by(run_key: str) -> str:
    """Who holds the leases of a run that no process lives as long as."""
    return f"/run/{uuid.uuid5(uuid.NAMESPACE_URL, run_key)}"


def _opened(
    hub: Hub, mapping: MappingFile, mode: str, run_key: str, held: list[Lease], *, full: bool
) -> tuple[RunRow, list[int]]:
    """The row of the run, and the parts of it that are to be run. Parts of an earlier try count where nobody else had
    one of its leases since."""
    before = journal.find_run(hub.database, run_key)
    row = journal.open_run(
        hub.database, mapping.mapping, mode, run_key, held[0].epoch, hub.workspace.hash
    )
    for other in store.left_over(hub.database, mapping.mapping, row.id):  # whoever holds the lease knows that they are
        _forget(hub, other, [part.digest for part in store.of_run(hub.database, other)])
    there = store.of_run(hub.database, row.id)
    if row.state in FINISHED or mapping.split is None or not _everything(hub, mapping, mode, full=full):
        _forget(hub, row.id, [part.digest for part in there])
        return row, []
    same = before is not None and before.workspace_hash == hub.workspace.hash
    next_to = same and all([Lease(one.name, one.epoch + 1) for one in part.leases] == held for part in there)
    count = len(mapping.split.at) + 1
    found = [part.digest for part in there] if next_to and len(there) == count else [""] * count
    store.lay_out(hub.database, row.id, held, found)
    _drop(hub, [part.digest for part in there if part.digest not in found])
    reach("after_opening")
    return row, [number for number, digest in enumerate(found) if not digest]


def _everything(hub: Hub, mapping: MappingFile, mode: str, *, full: bool) -> bool:
    compiled: list[Compiled] = compile_mapping(mapping, hub.workspace)
    with ExitStack() as stack:
        system, name = place_read(mapping)
        resource = opened_source(hub, stack, system).resource(name)
    assert mapping.split is not None
    asked = asked_of(hub.database, mapping, compiled, mode, cursor=resource.cursor, initial=False, full=full)
    return not reading(hub.database, mapping.from_).asked(asked).incremental


def _open(hub: Hub, run_key: str) -> tuple[RunRow, list[store.PartRow]]:
    row = journal.find_run(hub.database, run_key)
    if row is None or row.workspace_hash != hub.workspace.hash:
        raise ConfigError(
            "parts.changed",
            "there is no open run of this key, or the workspace changed since it was opened",
            hint="run the exchange anew",
        )
    return row, store.of_run(hub.database, row.id)


def _closed(
    hub: Hub,
    mapping: MappingFile,
    row: RunRow,
    held: list[Lease],
    progress: Progress,
    first: Callable[[], None] = lambda: None,
    *,
    initial: bool,
    full: bool,
    accept_drift: bool,
) -> Result:
    """All behind the parts, which ``first`` may have to read: where that fails, the journal says so."""
    run = Course(hub, mapping, row, held, progress)
    found: list[str] = []

    def whole() -> Result:
        first()
        found.extend(part.digest for part in store.of_run(hub.database, row.id))
        told = [unseal(hub.keep, digest) for digest in found]
        parts = Parts(hub.keep, told) if told else None
        return run.exchange(initial=initial, full=full, accept_drift=accept_drift, parts=parts)

    with _cleared(hub, row, found):
        return run.journaled(whole)


@contextmanager
def _cleared(hub: Hub, row: RunRow, found: list[str]) -> Iterator[None]:
    """What the parts kept is wanted as long as the run may be closed once more."""
    try:
        yield
    except Retriable:
        raise
    except HubError as error:
        if found and error.code != "run.fenced":  # whoever took it over reads them
            _forget(hub, row.id, found)
        raise
    _forget(hub, row.id, found)


def _forget(hub: Hub, run_id: uuid.UUID, found: list[str]) -> None:
    _drop(hub, found)
    store.forget(hub.database, run_id)


def _drop(hub: Hub, found: list[str]) -> None:
    for digest in filter(None, found):
        with suppress(Fatal):  # it was on the way when the process ended
            for piece in digests(unseal(hub.keep, digest)):
                hub.keep.drop(piece)
        hub.keep.drop(digest)
