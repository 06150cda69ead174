"""What files say about delivering: patience with a system, and what a mapping thinks of other writers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from hub.workspace.strict import Duration, Shape

ByHand = Literal["overwrite", "keep", "review"]
Disabling = dict[str, str | int | float | bool | None]
"""Field of the target → the value (no expression) that says: not in use any more."""


class Delivering(Shape):
    """How patiently a system is written to; see docs/how-to/deliveries.md."""

    attempts: int = Field(5, ge=1, le=20, description="How often one change is tried in one run")
    retry_for: Duration = Field(
        "10m", description="Longest time one run waits for the system, all waits together", examples=["30m"]
    )
    failures: int = Field(
        5,
        ge=1,
        le=1000,
        description="Failures in a row after which the system is left alone (its circuit opens)",
    )
    pause: Duration = Field(
        "1m", description="How long an open circuit rests before one record may try; doubles, 15m at most"
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Batches on their way at once; default: limits.concurrency of the system",
    )


class ReadBack(Shape):
    """How much of what a target acknowledged is looked up and compared."""

    share: Annotated[str, StringConstraints(pattern=r"^\d+(\.\d+)?%$")] = Field(
        "1%", description="Share of the records delivered", examples=["5%"]
    )
    first: int = Field(3, ge=0, le=10_000, description="So many of the first records of a run, always")


ReadBackRule = Annotated[
    ReadBack,
    BeforeValidator(
        lambda value: (
            {"share": "0%", "first": 0}
            if value == "off"
            else {"share": value}
            if isinstance(value, str)
            else value
        ),
        json_schema_input_type=str | ReadBack,
    ),
]

CHANGED_BY_HAND: Any = Field(
    "review",
    description="What an outbound change does to a field that somebody changed in the target since",
)
DISABLING: Any = Field(
    None,
    min_length=1,
    description="What the reaction disable writes to a target: field → value, of fields that the mapping fills, so "
    "that what comes back is enabled by its own values",
    examples=[{"active": False}],
)
GHOSTS: Any = Field(
    "report", description="What reconcile plans for records of the target that the hub does not know"
)
READ_BACK: Any = Field(
    ReadBack(),
    description="How much of what the target acknowledged is looked up and compared; off for nothing",
    examples=["5%", {"share": "1%", "first": 10}],
)
COMPARE: Any = Field(
    {},
    description="Field of the target → how it is compared: folded lets the target trim, change case and "
    "round, exact does not, ignore does not look",
    examples=[{"ModifiedOn": "ignore", "Code": "exact"}],
)
