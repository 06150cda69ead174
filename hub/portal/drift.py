"""Pages of drift for who administers the system: what comparisons found, per exchange and per source of to-dos, and the
way back."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from hub.errors import ConfigError
from hub.exchange.reconciling.reconcile import reconcile
from hub.portal.administering import answered, reader_of, required
from hub.portal.exchanges import acting, mapping_of, named, to_run
from hub.portal.ground import HOME, Form, Ground, Here, Me
from hub.store import reconciliations, todo_drift
from hub.todos import drift as of_todos
from hub.todos.pulled import INTO, look

router = APIRouter(prefix="/operators/drift")
DIFFERENCES: Final = 100
HEALS: Final = "drift.write"
Text = Annotated[str, Query(max_length=200)]


@router.get("")
def drift(request: Request, here: Here, me: Me, q: Text = "", after: Text = "", begun: Text = "") -> Response:
    """Exchanges by name with their last comparison; before them the sources of to-dos. ``begun`` is the key of a
    comparison that was just asked for."""
    required(here, me, "drift")
    reader, mappings = reader_of(request, here), here.hub.workspace.mappings
    found, following = named(here, reader, q, after)
    last = reconciliations.latest(here.hub.database, found)
    filled = {
        "rows": [
            (name, reader.titled(mappings[name].title) or name, last.get(name), _pulls(here, name)) for name in found
        ],
        "todos": [] if after or q.strip() else _sources(here), "q": q.strip(), "after": after,
        "next": following, "refused": here.starter.refused(begun) if begun else None,
        "begun": begun, "told": differences,
    }  # fmt: skip
    return answered(request, here, me, "drift", "op_drift", filled)


@router.post("/comparisons")
def compare(here: Here, me: Me, form: Form) -> Response:
    """Reads what is there and compares; nothing is changed. A plan that comes of it stands with its exchange."""
    required(here, me, "drift", HEALS)
    name, hub = form.get("exchange", ""), acting(here, me)
    mapping_of(here, name)
    key = f"portal/{me.account.name}/compare/{name}/{form.get('key', '')[:40]}"
    if _pulls(here, name):
        here.starter.start(key, name, partial(look, hub, name))
        return RedirectResponse(f"{HOME}/operators/drift?begun={key}", 303)
    here.starter.start(key, name, partial(reconcile, hub, name, key))
    return to_run(name, key)


@router.get("/todos/{system}")
def todos(request: Request, here: Here, me: Me, system: str) -> Response:
    """What the last comparison with a source of to-dos found, and what would be done about it."""
    required(here, me, "drift")
    with here.hub.database.begin(reading=True) as connection:
        check = todo_drift.last(connection, system)
    if check is None or system not in here.hub.workspace.systems:
        raise ConfigError("page.unknown", f"{system} was not compared", hint="see the list of comparisons")
    plan = of_todos.plan(here.hub, system)
    filled = {
        "name": system, "check": check, "plan": plan, "rows": plan.differences[:DIFFERENCES],
        "heals": any(one.confirmed and one.action not in ("send", "nothing") for one in plan.differences),
    }  # fmt: skip
    return answered(request, here, me, "drift", "op_drift_todos", filled)


@router.post("/todos/{system}/healing")
def heal(here: Here, me: Me, system: str, form: Form) -> Response:
    """Exactly the plan that was looked at; audited."""
    required(here, me, "drift", HEALS)
    of_todos.heal(acting(here, me), system, form.get("plan", ""), many=form.get("many") == "1")
    return RedirectResponse(f"{HOME}/operators/drift/todos/{system}", 303)


def _sources(here: Ground) -> list[tuple[dict[str, Any], dict[str, int], int]]:
    """Every system whose to-dos were compared, its differences by kind, and how many of them are confirmed."""
    checks, counted = todo_drift.counted(here.hub.database, of_todos.CONFIRMED)
    found = []
    for check in checks:
        mine = [(kind, sure, count) for (system, kind, sure), count in counted.items() if system == check["system"]]
        kinds = {kind: sum(count for each, _, count in mine if each == kind) for kind, _, _ in mine}
        found.append((check, kinds, sum(count for _, sure, count in mine if sure)))
    return found


def _pulls(here: Ground, name: str) -> bool:
    """Whether an exchange pulls to-dos, which are compared with what is shown."""
    mapping = here.hub.workspace.mappings[name]
    return mapping.direction == "pass" and any(output.into == INTO for output in mapping.outputs)


def differences(counts: dict[str, int]) -> dict[str, int]:
    """Of a comparison's counts those that are differences."""
    return {kind: count for kind, count in counts.items() if count and kind != "read"}
