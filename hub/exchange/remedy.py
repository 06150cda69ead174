"""What to do about a record that was not applied, by the code of its reason."""

from __future__ import annotations

REMEDIES = {
    "required": "fill the field in the source, or give the mapping's field a value for it",
    "code.unknown": "add the value to the list in config/codes, or mend it in the source",
    "format": "mend the value in the source",
    "value": "mend the value in the source, or the field's expression in the mapping",
    "collision": "two records say they own the same value: mend one of them in the source",
    "match.collision": "two records look like one: delete one in the source, or make them differ",
    "match.ambiguous": "several records fit: merge them, or sharpen the match rule",
    "match.none": "link it to an entity, or write unmatched: create in the mapping",
    "match.likely": "look at the candidates and link one of them",
    "ref.missing": "once the record it refers to is there, the next run takes it; look at why that one is missing",
    "effective.future": "nothing: it is applied by itself by the first run on or after its first day",
    "key.missing": "a record without a key cannot be followed: mend it in the source",
    "plan.changed": "make a new plan: cophub plan",
    "delivery": "the target did not take it: look at its message",
}


def remedy(code: str) -> str:
    """The advice for a code, or for the group it belongs to; empty where there is none."""
    return REMEDIES.get(code) or REMEDIES.get(code.partition(".")[0], "")
