"""Claims: how strongly each mapping claims each field of a model.

A claim is one number, small wins: strength first (strong, normal, weak), then the place in the field's
``rank``. A value that a person set by hand has the origin HAND: stronger than nothing but weak values, it
gives way to a strong mapping at once and to a normal one when its source says something new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.workspace.shape import ModelFile
from hub.workspace.workspace import Workspace

STRENGTH = {"strong": 0, "normal": 1, "weak": 2}
STEP = 1000
HAND = "@hand"
HAND_CLAIM = STEP - 1
NOBODY = 9 * STEP
TWIN = " (twin)"
"""Of an origin: filled from another record of that mapping's source."""
FILLED = "~"
"""In patterns: a twin of the record at hand supplies the field."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Field → mapping → claim of one model; ``whole`` are (field, mapping) that replace a whole list."""

    model: ModelFile
    by_field: Mapping[str, Mapping[str, int]]
    whole: frozenset[tuple[str, str]] = field(default=frozenset())

    def of(self, field: str, holder: str) -> int:
        """A holder's claim; a mapping that is no longer there claims nothing."""
        return HAND_CLAIM if holder == HAND else self.by_field.get(field, {}).get(holder, NOBODY)

    def contested(self, mapping: str) -> tuple[str, ...]:
        """Fields that another mapping writes too."""
        return tuple(name for name, claims in self.by_field.items() if mapping in claims and len(claims) > 1)

    def contestants(self) -> tuple[str, ...]:
        """All mappings that write this model, sorted."""
        return tuple(sorted({mapping for claims in self.by_field.values() for mapping in claims}))

    def sign(self, mapping: str) -> str:
        """A contestant's sign in patterns: letters from A on, by the order of names."""
        return chr(ord("A") + self.contestants().index(mapping))

    def strong(self, mapping: str) -> tuple[str, ...]:
        """The fields that a mapping enforces."""
        return tuple(name for name, claims in self.by_field.items() if claims.get(mapping, STEP) < STEP)


def claims(workspace: Workspace, model: str) -> Claims:
    """Who writes which field of a model, and how strongly."""
    shape = workspace.models[model]
    by_field: dict[str, dict[str, int]] = {}
    whole = set()
    for mapping in workspace.mappings.values():
        system = mapping.from_.partition(".")[0]
        for output in mapping.outputs:
            if output.into != model:
                continue
            for name, rule in output.fields.items():
                ranks = shape.fields[name].rank if name in shape.fields else []
                places = [ranks.index(one) for one in (mapping.mapping, system) if one in ranks]
                claim = STRENGTH[rule.strength] * STEP + min(places, default=min(len(ranks), STEP - 2))
                held = by_field.setdefault(name, {})
                held[mapping.mapping] = min(claim, held.get(mapping.mapping, claim))
                if rule.range == "all":
                    whole.add((name, mapping.mapping))
    return Claims(shape, by_field, frozenset(whole))


def holders(
    before: Mapping[str, str], signs: Mapping[str, str], contestants: Mapping[str, str], mapping: str
) -> dict[str, str]:
    """Who supplies each field after a merge. ``signs`` is one per mapped field: 0 stays, 1 this mapping,
    ~ a twin of its record, - nobody, a letter one of the ``contestants``."""
    kept = {name: holder for name, holder in before.items() if signs.get(name) != "-"}
    known = {**contestants, FILLED: mapping + TWIN}
    taken = {name: known.get(sign, mapping) for name, sign in signs.items() if sign not in "0-"}
    return kept | taken
