"""What is written of limits: absence and its reactions, canaries, guards, plans and their approval."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from hub.workspace.strict import Duration, Shape

Limit = Annotated[
    str,
    StringConstraints(pattern=r"^(\d+(\.\d+)?%?|off)$"),
    BeforeValidator(
        lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value,
        json_schema_input_type=str | int,
    ),
]
Reaction = Literal["ignore", "keep", "disable", "delete", "unlink"]
"""Into a model: ignore, disable, delete, unlink. Into a target: keep, disable, delete."""
NOTHING = ("ignore", "keep")
REACTION = (
    "What becomes of its entity: ignore, disable, delete, or unlink, which only takes the link away; "
    "of its object in a target: keep, disable or delete"
)


# ---------------------------------------------------------------- absence


class AbsentStep(Shape):
    """One reaction to absence, and when it comes."""

    reaction: Reaction = Field(description=REACTION)
    grace: Duration | None = Field(
        None, description="How long after the record was first missed", examples=["30d"]
    )


class Absent(Shape):
    """What happens to what is no longer in a complete snapshot: one reaction, or several in a list."""

    reaction: Reaction = Field("ignore", description=REACTION)
    grace: Duration | None = Field(None, description="How long it waits before that", examples=["7d"])
    steps: list[AbsentStep] = Field(
        [], description="Several reactions, one after the other; the list may stand in place of the object"
    )

    @property
    def chain(self) -> tuple[AbsentStep, ...]:
        """All reactions in their order, without those by which nothing happens."""
        steps = self.steps or [AbsentStep(reaction=self.reaction, grace=self.grace)]
        return tuple(step for step in steps if step.reaction not in NOTHING)


def _absent(value: Any) -> Any:
    if isinstance(value, str):
        return {"reaction": value}
    return {"steps": value} if isinstance(value, list) else value


AbsentRule = Annotated[
    Absent, BeforeValidator(_absent, json_schema_input_type=str | list[AbsentStep] | Absent)
]
ABSENT: Any = Field(
    Absent(),
    description="What happens when a complete snapshot no longer holds a record; of a mapping that sends a model, "
    "when its entity is disabled or deleted. A list makes a chain",
    examples=[[{"reaction": "disable", "grace": "1d"}, {"reaction": "delete", "grace": "30d"}]],
)


class Effective(Shape):
    """From which day to which (both included) a record is valid: expressions that give dates."""

    from_: str | None = Field(None, alias="from", description="First day", examples=["StartDate"])
    to: str | None = Field(None, description="Last day; empty: without end", examples=["EndDate"])


EFFECTIVE: Any = Field(
    None,
    description="Validity of a record: before its first day it waits, after its last day its entity is treated "
    "as absent says",
    examples=[{"from": "StartDate", "to": "EndDate"}],
)


class Canaries(Shape):
    """Keys that every complete snapshot holds: where one is missing the snapshot is not complete."""

    keys: list[str | int | list[str | int]] = Field(
        min_length=1, description="Keys of records; of several fields as a list", examples=[[1000, 2000]]
    )
    missing: Literal["note", "hold"] = Field(
        "note", description="note: absence does not count then; hold: the run waits for approval as well"
    )


CanaryRule = Annotated[
    Canaries,
    BeforeValidator(
        lambda value: {"keys": value} if isinstance(value, list) else value,
        json_schema_input_type=list[str | int | list[str | int]] | Canaries,
    ),
]


# ---------------------------------------------------------------- guards


class Limits(Shape):
    """Limits of one run within one unit."""

    create: Limit | None = Field(None, description="Most to create", examples=["20%"])
    update: Limit | None = Field(None, description="Most to change", examples=["20%"])
    disable: Limit | None = Field(None, description="Most to disable", examples=["5"])
    delete: Limit | None = Field(None, description="Most to delete", examples=["5"])


class FieldLimit(Shape):
    """Limits of one run for one field."""

    change: Limit | None = Field(None, description="Most values that change", examples=["1%"])
    null: Limit | None = Field(None, description="Most values that become empty", examples=["0"])


FieldRuleLimit = Annotated[
    FieldLimit,
    BeforeValidator(
        lambda value: value if isinstance(value, dict) else {"change": value},
        json_schema_input_type=str | int | FieldLimit,
    ),
]


class Guard(Shape):
    """Limits of one run: a count, a percentage of what was there before, or off. Where delete, disable, merge and
    nulls are not written, safe ones hold; ``guard: off`` switches all of them off."""

    create: Limit | None = Field(None, description="Most entities or records to create", examples=["20%"])
    update: Limit | None = Field(None, description="Most to change", examples=["30%"])
    delete: Limit | None = Field(
        None, description="Most to delete; not written: 100, or 10% where that is more", examples=["0"]
    )
    disable: Limit | None = Field(
        None, description="Most to disable; not written: 100, or 10% where that is more", examples=["50"]
    )
    unlink: Limit | None = Field(None, description="Most links to forget", examples=["10"])
    link: Limit | None = Field(None, description="Most records to link to entities that exist", examples=["5%"])
    merge: Limit | None = Field(
        None,
        description="Most entities to merge into others in one go; not written: 100, or 10% where that is more",
        examples=["3"],
    )
    fields: dict[str, FieldRuleLimit] = Field(
        {},
        description="Field → most values that change, or {change, null}",
        examples=[{"tax_number": 5, "iban": {"change": "1%", "null": 0}}],
    )
    per: dict[str, Limits] = Field(
        {},
        description="Field → limits within each of its values; REF.FIELD goes through a reference",
        examples=[{"department": {"delete": 5, "update": "20%"}}],
    )
    nulls: Limit | None = Field(
        None,
        description="Most values of any one field that become empty; not written: 100, or 50% where that is more",
        examples=["10%"],
    )
    limits: Literal["on", "off"] = Field("on", description="off: no limit holds, as with guard: off")


GuardRule = Annotated[
    Guard,
    BeforeValidator(
        lambda value: {"limits": value} if isinstance(value, str) else value,
        json_schema_input_type=Literal["off"] | Guard,
    ),
]


# ---------------------------------------------------------------- plans


class Plans(Shape):
    """What becomes of stored plans."""

    keep: Duration = Field("7d", description="How long a plan can be applied after it was made")


class Approvals(Shape):
    """Who may let a held plan through, and for how long."""

    four_eyes: Literal["on", "off"] = Field(
        "on", description="on: whoever let the plan be made may not approve it; off: where only one person is"
    )
    expires: Duration = Field("4h", description="How long an approval holds where approve names no time")
