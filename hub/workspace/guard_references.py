"""What is said of limits and approvals: do the fields exist, and is what is switched off meant so?"""

from __future__ import annotations

from collections.abc import Iterable

from hub.workspace.build import Built
from hub.workspace.explain import Loc, dotted, suggest
from hub.workspace.limits import NOTHING, Absent
from hub.workspace.scope import Scope
from hub.workspace.shape import MappingFile, ModelFile
from hub.workspace.strict import seconds

ORDER = ("disable", "delete", "unlink")


def check_approvals(scope: Scope, built: Built) -> None:
    """One person alone approves: worth knowing."""
    if built.hub is not None and built.hub.approvals.four_eyes == "off":
        scope.error(
            ("approvals", "four_eyes"),
            "approvals.alone",
            "approvals.four_eyes is off: whoever lets a plan be made may approve it",
            "write four_eyes: on as soon as there is a second person",
            level="warning",
        )


def check_limits(scope: Scope, mapping: MappingFile) -> None:
    """The guard's fields and units, and the order of what follows absence."""
    given = {field for output in mapping.outputs for field in output.fields}
    words: Iterable[tuple[str, Loc]] = ((name, ("guard", "fields", name)) for name in mapping.guard.fields)
    scope.fields(words, given, f"the mapping {mapping.mapping}", key=True)
    for path in mapping.guard.per:
        _unit(scope, mapping, path, given)
    for index, output in enumerate(mapping.outputs):
        at: Loc = ("into", index, "absent") if isinstance(mapping.into, list) else ("absent",)
        _chain(scope, output.absent, at)
    if mapping.split is not None:
        _split(scope, mapping)
    if mapping.canaries is not None and mapping.direction == "outbound":
        scope.error(
            ("canaries",),
            "canaries.outbound",
            "canaries are keys of a source's records, and this mapping reads a model",
            "remove canaries",
            key=True,
        )


def _split(scope: Scope, mapping: MappingFile) -> None:
    """Only records that become entities, each by itself, are read in parts."""
    if mapping.direction != "inbound":
        scope.error(
            ("split",),
            "split.direction",
            "split is of a read of a source into a model, and this mapping writes to a target",
            "remove split",
            key=True,
        )
    elif any(output.each for output in mapping.outputs):
        scope.error(
            ("split",),
            "split.each",
            "split is of records, and this mapping makes several outputs of one record",
            "remove split, or each",
            key=True,
        )


def _unit(scope: Scope, mapping: MappingFile, path: str, given: set[str]) -> None:
    at: Loc = ("guard", "per", path)
    name, _, further = path.partition(".")
    if mapping.direction == "pass":  # what a pass-through writes is known by its output alone
        scope.fields([(path, at)], given, f"the mapping {mapping.mapping}", key=True)
        limits = mapping.guard.per[path].model_dump()
        shares = [key for key, limit in limits.items() if str(limit).endswith("%")]
        if shares:
            message = f"{dotted(at)}: how many there were before is not known of a pass-through"
            scope.error((*at, shares[0]), "guard.share", message, "write a count")
        return
    models = [mapping.from_] if mapping.direction == "outbound" else [one.into for one in mapping.outputs]
    for model in (scope.built.models[word] for word in models if word in scope.built.models):
        _path(scope, model, name, further, at)


def _path(scope: Scope, model: ModelFile, name: str, further: str, at: Loc) -> None:
    if name not in model.fields:
        scope.fields([(name, at)], model.fields, f"the model {model.model}", key=True)
        return
    if not further:
        return
    referred = scope.built.models.get(model.fields[name].model or "")
    if referred is None:
        message = f"{dotted(at)}: {model.model}.{name} is no reference, nothing lies behind it"
        scope.error(at, "guard.unit", message, f"write {name}", key=True)
    elif further not in referred.fields:
        message = f'{dotted(at)}: the model {referred.model} has no field "{further}"'
        scope.error(at, "reference.field", message, suggest(further, referred.fields), key=True)


def _chain(scope: Scope, absent: Absent, at: Loc) -> None:
    """Later reactions come later, and undo nothing."""
    for index, (before, after) in enumerate(zip(absent.steps, absent.steps[1:], strict=False), 1):
        earlier = seconds(before.grace or "0s") >= seconds(after.grace or "0s")
        backward = bool({before.reaction, after.reaction} & {*NOTHING}) or (
            ORDER.index(before.reaction) >= ORDER.index(after.reaction)
        )
        if earlier or backward:
            what = f"{after.reaction} does not follow {before.reaction}"
            what = "its grace is not longer" if earlier else what
            message = f"{dotted((*at, index))}: {what}"
            hint = "a grace counts from when the record was first missed; first disable, then delete, then unlink"
            scope.error((*at, index), "absent.order", message, hint)
