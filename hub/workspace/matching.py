"""The shape of match rules, and of the reactions to the situations that records are found in."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field

from hub.workspace.limits import NOTHING, REACTION, AbsentStep, Reaction
from hub.workspace.strict import Duration, FieldName, Shape

BLOCK: Final = re.compile(
    r"(?:(?P<form>sound|year|month|words|start|last|either)\(\s*)?(?P<field>[a-z][a-z0-9_]*)"
    r"(?:\s*,\s*(?:(?P<count>[1-9]\d?)|(?P<other>[a-z][a-z0-9_]*)))?\s*(?(form)\))"
)
"""A part of a block's key: a field, or a form of it."""
COUNTED: Final = ("start", "last")
LISTED: Final = ("words", "either")
"""Forms that give several keys."""


class Compared(Shape):
    """How a rule of likeness compares one field."""

    by: Literal["exact", "text", "name", "company", "digits", "email", "date", "number"] | None = Field(
        None, description="What likeness means; without it what suits the field's type", examples=["name"]
    )
    weight: float = Field(
        1.0, gt=0, description="How much the field counts beside the others", examples=[3.0]
    )
    least: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Both filled and less alike than this: the two are not the same, whatever the rest says",
    )
    swap: FieldName | None = Field(
        None,
        description="Another compared field that this one is mixed up with: the two are compared crosswise where "
        "that is more alike",
        examples=["last_name"],
    )
    bits: list[float] | None = Field(
        None,
        min_length=4,
        max_length=4,
        description="Of a rule with prior: the evidence in bits of equal, alike, faintly alike and different values; "
        "cophub weights estimates it",
        examples=[[7.0, 5.4, 0.2, -3.5]],
    )


class MatchRule(Shape):
    """One match rule on mapped values: of equality, or with at_least or review of likeness."""

    on: list[FieldName] | dict[FieldName, Compared] = Field(
        min_length=1,
        description="Fields that must all be equal and filled; of a rule of likeness those it compares, "
        "as a list or with comparator and weight",
        examples=[["name", "country"], {"name": {"by": "company", "weight": 3.0}, "country": {}}],
    )
    block: list[str | list[str]] = Field(
        [],
        description="A rule of likeness compares only what shares a block; each entry is one pass over "
        "fields or sound(f), start(f, n), last(f, n), year(f), month(f), words(f), either(f, g)",
        examples=[["phone", ["sound(name)", "city"]]],
    )
    at_least: float | None = Field(None, gt=0, le=1, description="Score that links", examples=[0.92])
    review: float | None = Field(
        None, gt=0, le=1, description="Score from which a person decides; below it nothing", examples=[0.8]
    )
    prior: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Makes the score a probability: the share of the same among all pairs, before their bits count",
        examples=[0.0001],
    )
    margin: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="How much better than the next one the best must be, else a person decides; of a rule with "
        "prior how likely the next one may be the right one of the two",
    )
    most: int = Field(
        200, ge=1, le=10_000, description="A block that more entities share is passed over, and said so"
    )
    then: Literal["link", "review"] = Field("link", description="Link what is found, or let a person decide")

    @property
    def fuzzy(self) -> bool:
        """A rule of likeness."""
        return self.at_least is not None or self.review is not None

    @property
    def compared(self) -> dict[str, Compared]:
        """The fields with how they are compared."""
        return dict(self.on) if isinstance(self.on, dict) else {name: Compared() for name in self.on}

    @property
    def title(self) -> str:
        """What the rule is called where its candidates are told."""
        fields = " + ".join(self.on)
        return f"{fields} ≈" if self.fuzzy else fields


class UnmatchedStep(Shape):
    """One reaction to a record that matches nobody."""

    when: str | None = Field(
        None, description="Condition over the mapped fields", examples=["country = 'CN'"]
    )
    then: Literal["create", "ignore", "review"] = Field(description="What it becomes")


class UnlinkedStep(Shape):
    """One reaction to a record that matches an entity it is not linked to."""

    when: str | None = Field(
        None, description="Condition over the mapped fields", examples=["country = 'CN'"]
    )
    then: Literal["link", "review", "ignore"] = Field(description="What it becomes")


class LinkedStep(Shape):
    """One reaction to a record that is linked."""

    when: str | None = Field(None, description="Condition over the mapped fields", examples=["active"])
    then: Literal["update", "ignore"] = Field(description="What it does")


class DoubtStep(Shape):
    """One reaction to a record in doubt."""

    when: str | None = Field(
        None, description="Condition over the mapped fields", examples=["country = 'CN'"]
    )
    then: Literal["review", "ignore"] = Field(description="What it becomes")


class OutOfScope(Shape):
    """What happens to a linked record, or to what a target holds, that no longer meets where."""

    reaction: Reaction = Field("ignore", description=REACTION)
    grace: Duration | None = Field(None, description="How long it waits before that", examples=["7d"])

    @property
    def chain(self) -> tuple[AbsentStep, ...]:
        """The reaction as a chain of one; empty where nothing happens."""
        if self.reaction in NOTHING:
            return ()
        return (AbsentStep(reaction=self.reaction, grace=self.grace),)


Match = Annotated[
    MatchRule,
    BeforeValidator(
        lambda value: {"on": value} if isinstance(value, list) else value,
        json_schema_input_type=list[str] | MatchRule,
    ),
]
Outside = Annotated[
    OutOfScope,
    BeforeValidator(
        lambda value: {"reaction": value} if isinstance(value, str) else value,
        json_schema_input_type=str | OutOfScope,
    ),
]
Unmatched = Literal["create", "ignore", "review"] | list[UnmatchedStep]
Unlinked = Literal["link", "review", "ignore"] | list[UnlinkedStep]
Linked = Literal["update", "ignore"] | list[LinkedStep]
Doubt = Literal["review", "ignore"] | list[DoubtStep]

MATCH: Any = Field(
    [],
    description="Rules that find the entity of a new record, tried in order, on mapped values",
    examples=[[["code"], ["tax_number"]]],
)
SITUATIONS: Final = ("unmatched", "unlinked", "linked", "ambiguous", "collision")
"""The situations with reactions that a record of its own can be found in."""

UNMATCHED: Any = Field(
    "ignore",
    description="What a record becomes that matches no entity: nothing happens that is not written; a word, "
    "or steps of which the first that holds counts",
    examples=["create", [{"when": "country = 'CN'", "then": "create"}, {"then": "review"}]],
)
UNLINKED: Any = Field(
    "link", description="What a record becomes that matches one entity", examples=[[{"then": "review"}]]
)
LINKED: Any = Field("update", description="What a linked record does to its entity", examples=["ignore"])
AMBIGUOUS: Any = Field(
    "review", description="What a record becomes that matches several entities", examples=["ignore"]
)
COLLISION: Any = Field(
    "review",
    description="What a record becomes whose entity, or unique value, another one has",
    examples=["ignore"],
)
OUT_OF_SCOPE: Any = Field(
    OutOfScope(),
    description="What happens when a linked record, or one that a target holds, no longer meets where; it is "
    "not absent",
    examples=[{"reaction": "disable", "grace": "7d"}],
)
