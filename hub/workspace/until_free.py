"""``until_free`` of a field: how a value that others may have becomes one that nobody has."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from hub.workspace.strict import Duration, Shape


class UntilFree(Shape):
    """Candidates tried in order until one is free: value, what stands under then, and value with 2, 3, 4 behind it.
    Who has a value keeps it, whatever becomes of the record."""

    then: list[str] = Field(
        [], description="Further candidates, expressions as value is", examples=[["given || '.' || family"]]
    )
    longest: int | None = Field(
        None, ge=4, le=1000, description="Most characters; what carries a number is cut before it", examples=[20]
    )
    beside: list[str] = Field(
        [],
        description="Where else it must be free, in any letters: system.resource.field. All of it is read when "
        "somebody needs a value",
        examples=[["ad.account.sAMAccountName"]],
    )
    reuse: Duration | None = Field(
        None,
        description="How long after its holder was deleted somebody else may have it; without it never",
        examples=["730d"],
    )


UNTIL_FREE: Any = Field(
    None,
    description="Of a unique field of a model: candidates are tried until nobody has one",
    examples=[{"longest": 20}],
)
