"""The records of a source, mapped for somebody who asks about them and for nothing else: nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from hub.contract import Source
from hub.errors import ConfigError
from hub.exchange.extract import Extracted
from hub.exchange.ground import Asked, Hub, keyed, opened_source, source_number
from hub.exchange.lookup import Lookups
from hub.exchange.map import map_records
from hub.exchange.reading import read_source
from hub.exchange.runfile import RunFile, open_run
from hub.mapping.compile import Compiled, compile_mapping
from hub.store.bulk import Bulk
from hub.workspace.shape import MappingFile


@dataclass(frozen=True, slots=True)
class Alone:
    """Table ``mapped`` of one output, with what it was made from."""

    run: RunFile
    session: Bulk
    mapping: MappingFile
    compiled: Compiled
    source: int


@contextmanager
def mapped_alone(hub: Hub, exchange: str, number: int) -> Iterator[Alone]:
    """Everything that the exchange's source gives, mapped by the output of that number. ConfigError
    ``match.direction``."""
    mapping = hub.workspace.mapping(exchange)
    if mapping.direction != "inbound":
        raise ConfigError(
            "match.direction",
            f"{exchange} does not write a model: nothing is matched",
            hint="name an inbound mapping",
        )
    compiled = compile_mapping(mapping, hub.workspace)
    with ExitStack() as stack:
        run = stack.enter_context(open_run(hub.scratch, hub.memory, hub.threads))
        one = compiled[number]
        extracted = _read(hub, run, mapping, compiled, stack)
        run.use(one.number)
        with hub.database.bulk(write=False) as session:
            source = source_number(hub.database, mapping, one)
            map_records(run, session, extracted, source, one, Lookups(run, session), compare=False)
            yield Alone(run, session, mapping, one, source)


def _read(
    hub: Hub, run: RunFile, mapping: MappingFile, compiled: list[Compiled], stack: ExitStack
) -> Extracted:
    system, _, name = mapping.from_.partition(".")
    source = opened_source(hub, stack, system)
    resource = keyed(source.resource(name), compiled[0])

    def opened(other: str) -> Source:
        return opened_source(hub, stack, other)

    return read_source(hub, run, source, resource, compiled, Asked("full"), opened, lambda *_: None)
