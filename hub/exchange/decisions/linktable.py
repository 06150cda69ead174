"""Every link as a table that ``crossref`` reads again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.exchange.ground import Hub, source_number
from hub.exchange.keytokens import Keys
from hub.exchange.runfile import open_run
from hub.exchange.staging import take
from hub.mapping.compile import compile_mapping
from hub.security.masking import NOBODY, Sight
from hub.store import linking

COLUMNS = ("exchange", "key", "entity")


def export_links(
    hub: Hub, exchange: str | None = None, sight: Sight = NOBODY
) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of COLUMNS, by exchange and key; of a target the key is its own id. Keys are as ``sight``
    may see them."""
    shown = Keys(hub, sight)
    for name, mapping in sorted(hub.workspace.mappings.items()):
        if mapping.direction == "pass" or exchange not in (None, name):
            continue
        for compiled in compile_mapping(mapping, hub.workspace):
            number = source_number(hub.database, mapping, compiled)
            seen = shown.foreign if compiled.direction == "outbound" else shown.shown
            with open_run(hub.scratch, hub.memory, hub.threads) as run:
                with hub.database.bulk(write=False) as session:
                    wire = linking.all_links(session, number, outbound=compiled.direction == "outbound")
                    take(run, "linked", wire)
                for batch in run.reader("SELECT key, CAST(entity AS VARCHAR) AS entity FROM linked ORDER BY key"):
                    keys, entities = (column.to_pylist() for column in batch.columns)
                    pairs = zip(keys, entities, strict=True)
                    yield from ((name, seen(name, key or ""), entity) for key, entity in pairs)
