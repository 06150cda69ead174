"""What is written and says nothing: keys of the other direction, zones and classes that do not exist."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from hub.errors import ConfigError
from hub.workspace.build import Built
from hub.workspace.explain import Loc, dotted, suggest
from hub.workspace.limits import Absent
from hub.workspace.scope import Scope
from hub.workspace.shape import MappingFile, ModelFile, Schedule
from hub.workspace.ticks import valid

INTO_MODELS: Final = (
    "match",
    "unmatched",
    "unlinked",
    "linked",
    "ambiguous",
    "collision",
)
INTO_SYSTEMS: Final = ("changed_by_hand", "ghosts", "read_back", "compare")
INTO_TARGETS: Final = ("disable",)
MASKED: Final = ("address", "bank", "contact", "email", "finance", "identity", "name", "phone")


def check_directions(scope: Scope, mapping: MappingFile) -> None:
    """Keys that count only on the way into a model, or only on the way into a system."""
    for index, output in enumerate(mapping.outputs):
        at: Loc = ("into", index) if isinstance(mapping.into, list) else ()
        if "." in output.into:
            _idle(scope, at, INTO_MODELS, f"{output.into} is written", "where a mapping fills a model")
        else:
            _idle(scope, at, INTO_TARGETS, "a model is filled", "where a mapping writes to a system")
    if all("." not in output.into for output in mapping.outputs):
        _idle(scope, (), INTO_SYSTEMS, "a model is filled", "where a mapping writes to a system")


def _idle(scope: Scope, at: Loc, keys: tuple[str, ...], here: str, there: str) -> None:
    for key in keys:
        if scope.written((*at, key)):
            message = f"{dotted((*at, key))} says nothing: it counts {there}, and here {here}"
            scope.error((*at, key), "key.direction", message, f"remove {key}", level="warning", key=True)


def check_events(scope: Scope, mapping: MappingFile) -> None:
    """A mapping that only events would run must be one that takes events."""
    if mapping.schedule != "on_event":
        return
    why = "it reads a model: write on_change" if mapping.direction == "outbound" else ""
    if mapping.with_:
        why = "it joins another resource (with), and an event brings one record"
    elif mapping.mode == "link_only":
        why = "mode: link_only is a baseline"
    if why:
        message = f"schedule: nothing would ever run it, for it takes no events: {why}"
        scope.error(("schedule",), "schedule.no_events", message, "for example schedule: {every: 15m}")


def check_after(scope: Scope, mapping: MappingFile) -> None:
    """After whom it runs: exchanges that there are, and none that runs after it."""
    names = _after(mapping)
    for index, name in enumerate(names):
        scope.known("mapping", name, ("schedule", "after", index))
    seen, left = set[str](), list(names)
    while left:
        if (name := left.pop()) not in seen:
            seen.add(name)
            left += _after(scope.built.mappings.get(name))
    if mapping.mapping in seen:
        message = f"schedule: {mapping.mapping} runs after itself"
        hint = "take one of the exchanges of the circle out of after"
        scope.error(("schedule", "after"), "schedule.circle", message, hint)


def check_crons(scope: Scope, mapping: MappingFile) -> None:
    """Cron expressions are such."""
    if not isinstance(mapping.schedule, Schedule):
        return
    for key, text in (("cron", mapping.schedule.cron), ("full", mapping.schedule.full)):
        if text is not None and not valid(text):
            message = f"schedule.{key}: {text!r} is no cron expression"
            scope.error(("schedule", key), "schedule.cron", message, 'five fields, for example "0 2 * * *"')


def _after(mapping: MappingFile | None) -> list[str]:
    schedule = mapping.schedule if mapping is not None else None
    return list(schedule.after or ()) if isinstance(schedule, Schedule) else []


def check_pushed(scope: Scope, mapping: MappingFile) -> None:
    """What is only pushed runs by events alone, and is never a whole."""
    system = scope.built.systems.get(mapping.from_.partition(".")[0]) if "." in mapping.from_ else None
    if system is None or not system.only_pushes:
        return
    if mapping.schedule != "on_event" and mapping.enabled:
        message = f"schedule: {system.name} only pushes its records, and nothing else can run the mapping"
        at: Loc = ("schedule",) if scope.written(("schedule",)) else ("from",)
        scope.error(at, "schedule.push_only", message, "write schedule: on_event")
    if mapping.canaries is not None:
        message = f"canaries says nothing: {system.name} is never read as a whole"
        scope.error(("canaries",), "key.direction", message, "remove canaries", level="warning", key=True)


def check_draft(scope: Scope, mapping: MappingFile) -> None:
    """A draft is told every time, so that nobody wonders why it does not run."""
    if mapping.draft:
        message = "a draft: it can be planned, and nothing runs it"
        hint = "read it line by line, try it by cophub plan, then remove draft: true"
        scope.error(("draft",), "mapping.draft", message, hint, level="warning", key=True)


def check_messages(scope: Scope, mapping: MappingFile) -> None:
    """Of messages nobody ever has all: that one is gone is no news about what it was about."""
    system, _, resource = mapping.from_.partition(".")
    known = scope.built.systems.get(system) if resource else None
    if known is None or resource not in known.resources:
        return
    try:
        described = known.describe(resource)
    except ConfigError:  # it is a finding of its own, at from
        return
    if described is None or not described.messages:
        return
    for at, rule in _rules(mapping, "absent"):
        if scope.written(at) and isinstance(rule, Absent) and rule.chain:
            message = f"{dotted(at)} would never happen: {mapping.from_} has messages, of which nobody has all"
            scope.error(at, "mapping.messages", message, "remove absent; a message that tells a deletion meets where:")


def check_effective(scope: Scope, mapping: MappingFile) -> None:
    """A validity names at least one of its two days."""
    for at, rule in _rules(mapping, "effective"):
        if (
            scope.written(at)
            and rule is not None
            and not scope.written((*at, "from")) | scope.written((*at, "to"))
        ):
            message = f"{dotted(at)} has neither from nor to"
            scope.error(at, "value.missing", message, "for example effective: {from: StartDate}", key=True)


def _rules(mapping: MappingFile, key: str) -> list[tuple[Loc, Any]]:
    """A rule's places: that of the mapping, and that of each output which is written out."""
    outputs = mapping.into if isinstance(mapping.into, list) else []
    return [((key,), getattr(mapping, key)), *(
        (("into", index, key), getattr(one, key)) for index, one in enumerate(outputs)
    )]


def check_zone(scope: Scope, built: Built) -> None:
    """The calendar of the hub exists."""
    if built.hub is None:
        return
    try:
        ZoneInfo(built.hub.zone)
    except (KeyError, OSError, ValueError):  # no such file, a folder, or a name that leads out of the folder
        message = f'zone: there is no time zone "{built.hub.zone}"'
        scope.error(("zone",), "reference.zone", message, suggest(built.hub.zone, available_timezones()))


def check_alerts(scope: Scope, built: Built) -> None:
    """The exchanges and systems that channels of alerts name exist."""
    for name, one in built.hub.alerts.items() if built.hub else ():
        for index, word in enumerate(one.exchanges):
            scope.known("mapping", word, ("alerts", name, "exchanges", index))
        if one.via:
            scope.known("system", one.via.partition(".")[0], ("alerts", name, "via"))


def check_windows(scope: Scope, built: Built, name: str) -> None:
    """The time zones of maintenance windows exist."""
    for index, one in enumerate(built.systems[name].maintenance):
        try:
            ZoneInfo(one.zone or "UTC")
        except (KeyError, OSError, ValueError):
            at = ("maintenance", index, "zone")
            message = f'{dotted(at)}: there is no time zone "{one.zone}"'
            scope.error(at, "reference.zone", message, suggest(str(one.zone), available_timezones()))


def check_classes(scope: Scope, model: ModelFile) -> None:
    """A class of personal data whose mask is not known hides the whole value: likely a slip."""
    for name, field in model.fields.items():
        kind, _, which = (field.class_ or "").partition(".")
        if kind == "pi" and which not in MASKED and field.mask is None:
            path: Loc = ("fields", name, "class")
            message = f"{dotted(path)}: {field.class_} has no mask, its values are hidden as a whole"
            hint = suggest(field.class_, [f"pi.{one}" for one in MASKED])
            scope.error(path, "class.unknown", message, hint, level="warning")
