"""Plans of what people said, instead of what was read: links to import, entities to merge."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence

from hub.exchange.ground import Hub
from hub.exchange.linking.writing import write_links
from hub.exchange.manifest import Manifest
from hub.exchange.runfile import RunFile
from hub.exchange.uniting.planned import leases_of, write_merges
from hub.store.journal import Lease

Write = Callable[[Hub, RunFile, Manifest, uuid.UUID, Sequence[Lease], dict[str, int], list[str]], bool]

WRITERS: Mapping[str, Write] = {"links": write_links, "merges": write_merges}
"""The direction of a manifest → what writes it: corrects the counts, adds notes, answers whether something of it
was refused."""


def leases(hub: Hub, manifests: Sequence[Manifest]) -> list[str]:
    """What is written alone beside the exchange and its models: merges touch whatever refers to them."""
    merges = [one for one in manifests if one.direction == "merges"]
    return [name for one in merges for name in leases_of(hub, one.exchange, one.model)]
