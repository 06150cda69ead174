"""What is wrong with match rules and reactions whose shape is valid."""

from __future__ import annotations

from collections.abc import Iterator

from hub.mapping.binding import Binder, misfit
from hub.mapping.compile import Compiled
from hub.mapping.conditions import condition, creates, record_of, steps
from hub.mapping.record import model_type, quoted
from hub.mapping.syntax import Issue
from hub.workspace.matching import BLOCK, COUNTED, LISTED, MatchRule
from hub.workspace.shape import ModelField, ModelFile, Output

Place = tuple[str | int, ...]
FITTING = {
    "text": ("text", "code"),
    "name": ("text", "code"),
    "company": ("text", "code"),
    "digits": ("text", "code", "integer"),
    "email": ("text",),
    "date": ("date", "datetime", "text"),
    "number": ("integer", "decimal"),
}

__all__ = ["creates", "matching_issues"]


def matching_issues(
    output: Output, model: ModelFile, compiled: Compiled, binder: Binder
) -> Iterator[tuple[Place, Issue]]:
    """Issues with their place below the output."""
    for number, rule in enumerate(output.match):
        for place, issue in _rule(rule, model):
            yield ("match", number, *place), issue
    yield from _reactions(output, model, binder)
    if output.out_of_scope.reaction != "ignore":
        yield from _outside(output, compiled)


def _rule(rule: MatchRule, model: ModelFile) -> Iterator[tuple[Place, Issue]]:
    if rule.fuzzy:
        yield from _fuzzy(rule)
    else:
        yield from _exact(rule)
    for name, one in rule.compared.items():
        field = model.fields.get(name)
        if field is None:
            continue
        place: Place = ("on", name) if isinstance(rule.on, dict) else ()
        if field.many or field.type == "json":
            yield place, Issue("match.list", f"match compares {name}, which is not a single value")
        elif one.by in FITTING and field.type not in FITTING[one.by]:
            yield place, _misfit(name, one.by, field)


def _misfit(name: str, by: str, field: ModelField) -> Issue:
    fitting = ", ".join(word for word, types in FITTING.items() if field.type in types) or "exact"
    return Issue(
        "match.comparator",
        f"{name} is of type {field.type}, which {by} does not compare",
        f"leave by away, or take one of: exact, {fitting}",
    )


def _exact(rule: MatchRule) -> Iterator[tuple[Place, Issue]]:
    told = [
        ("block", bool(rule.block)),
        ("prior", rule.prior is not None),
        (
            "weights and comparators",
            any(
                one.by or one.weight != 1 or one.least or one.bits or one.swap
                for one in rule.compared.values()
            ),
        ),
    ]
    for what, written in told:
        if written:
            yield (
                (),
                Issue(
                    "match.exact",
                    f"{what} mean nothing in a rule of equality",
                    "write at_least: or review: to make it a rule of likeness",
                ),
            )


def _fuzzy(rule: MatchRule) -> Iterator[tuple[Place, Issue]]:
    if not rule.block:
        yield (
            (),
            Issue(
                "match.unblocked",
                "a rule of likeness needs block: without it every record is compared with every entity",
                "write what two of a kind surely share in one of several ways, for example "
                "block: [phone, [sound(name), city]]",
            ),
        )
    if rule.at_least is not None and rule.review is not None and rule.review >= rule.at_least:
        yield (
            ("review",),
            Issue(
                "match.thresholds",
                f"review: {rule.review} is not below at_least: {rule.at_least}",
                "from review on a person decides, from at_least on the hub links",
            ),
        )
    if rule.at_least is None and rule.then == "link":
        yield (
            (),
            Issue(
                "match.links_nothing",
                "the rule has review: and no at_least:, so it links nothing",
                "write then: review to say so, or at_least:",
                level="warning",
            ),
        )
    yield from _weighed(rule)
    for number, entry in enumerate(rule.block):
        yield from _block(number, entry)


def _weighed(rule: MatchRule) -> Iterator[tuple[Place, Issue]]:
    """Bits and prior need each other; a weight is no bits."""
    for name, one in rule.compared.items():
        place: Place = ("on", name) if isinstance(rule.on, dict) else ()
        if (one.bits is None) != (rule.prior is None):
            yield (
                place,
                Issue(
                    "match.bits",
                    f"{name} has bits, and the rule no prior"
                    if one.bits
                    else f"the rule has prior, {name} no bits",
                    "cophub weights tells both",
                ),
            )
        elif one.bits is not None and one.weight != 1:
            yield (
                place,
                Issue("match.bits", f"{name} has bits and a weight", "take the weight away: bits say it"),
            )
        if one.swap is not None and not _swappable(rule, name, one.swap):
            yield (
                place,
                Issue(
                    "match.swap",
                    f"swap: {one.swap} is no other compared field with the same by that is in no other swap",
                    "write swap at one of the two fields, and the same by at both",
                ),
            )


def _swappable(rule: MatchRule, name: str, other: str) -> bool:
    compared = rule.compared
    if other == name or other not in compared or compared[other].by != compared[name].by:
        return False
    ends = [end for field, one in compared.items() if one.swap for end in (field, one.swap)]
    return len(ends) == len(set(ends))


def _block(number: int, entry: str | list[str]) -> Iterator[tuple[Place, Issue]]:
    lists = 0
    for index, key in enumerate([entry] if isinstance(entry, str) else entry):
        place: Place = ("block", number) if isinstance(entry, str) else ("block", number, index)
        found = BLOCK.fullmatch(key)
        if (
            found is None
            or (found["form"] in COUNTED) != (found["count"] is not None)
            or (found["form"] == "either") != (found["other"] is not None)
        ):
            yield (
                place,
                Issue(
                    "match.block",
                    f"block: {key!r} is no field or form of a field",
                    "field, sound(field), start(field, 3), last(field, 4), year(field), month(field), words(field), "
                    "either(field, other)",
                ),
            )
        elif found["form"] in LISTED:
            lists += 1
    if lists > 1:
        yield (
            ("block", number),
            Issue("match.block", "a block has words() or either() once at most", "make two passes of it"),
        )


def _reactions(output: Output, model: ModelFile, binder: Binder) -> Iterator[tuple[Place, Issue]]:
    closed: set[str] = set()
    for situation, number, step in steps(output):
        if situation in closed:
            yield (
                (situation, number),
                Issue(
                    "reaction.unreachable",
                    f"{situation}: an earlier step has no condition, so this one never counts",
                    "put the step without when last",
                ),
            )
        if step.when is None:
            closed.add(situation)
            continue
        place: Place = (situation, number, "when")
        found, issues = condition(step.when, output, model)
        for issue in issues:
            yield place, issue
        if found is not None and (reason := _unbound(found.sql, output, model, binder)):
            yield place, Issue("expression.type", f"{situation}: {reason}")


def _unbound(sql: str, output: Output, model: ModelFile, binder: Binder) -> str:
    """Why a condition is none; '' where it is one."""
    known = {name: model.fields[name] for name in output.fields if name in model.fields}
    columns = ", ".join(f"CAST(NULL AS {model_type(one)}) AS {quoted(name)}" for name, one in known.items())
    types = binder.types([sql], f"(SELECT {record_of(list(known))} AS r FROM (SELECT {columns}))")
    return types if isinstance(types, str) else misfit(types[0], "BOOLEAN")


def _outside(output: Output, compiled: Compiled) -> Iterator[tuple[Place, Issue]]:
    if compiled.each:
        yield (
            ("out_of_scope",),
            Issue(
                "reaction.elements",
                "an element that no longer meets where is gone from its record: absent says what happens",
                "remove out_of_scope, write absent",
            ),
        )
    elif not compiled.where:
        yield (
            ("out_of_scope",),
            Issue(
                "reaction.unused",
                "without where nothing is ever out of scope",
                "write where",
                level="warning",
            ),
        )
