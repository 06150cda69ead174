"""Schema drift: a field that the mapping reads and the source no longer has.

Values would silently become empty for everybody; the run stops instead, before anything is changed.
"""

from __future__ import annotations

from hub.errors import Fatal
from hub.exchange.extract import Extracted
from hub.mapping.compile import Compiled

ENOUGH = 20


def require_fields(extracted: Extracted, before: tuple[str, ...], compiled: list[Compiled]) -> None:
    """Fatal ``source.drift`` where a mapped field that was there last time is in none of the records.

    ``before`` and ``extracted.fields`` are names of top-level fields; under ENOUGH records say nothing.
    """
    if extracted.read < ENOUGH:
        return
    needed = {path.split(".")[0].removesuffix("[]") for one in compiled for path in one.paths}
    vanished = sorted((needed & set(before)) - set(extracted.fields))
    if vanished:
        raise Fatal(
            "source.drift",
            f"{extracted.resource.name} no longer has {', '.join(vanished)}, which the mapping reads",
            where=extracted.pieces[0].origin if extracted.pieces else "",
            hint="ask the system's owner; mend the mapping if the field was renamed",
        )
