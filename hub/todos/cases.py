"""The hub's own cases are to-dos too: approvals, reviews, causes of the quarantine, receivers without a person.

They are reported like those of any system, by the system ``hub``. A title names exchanges, models, codes and fields,
and no value of a record: whoever decides sees those where his clearance counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hub.exchange.ground import Hub
from hub.store import cases
from hub.store.database import now
from hub.todos.inbox import take
from hub.todos.received import read
from hub.todos.reports import FINAL
from hub.workspace.builtin import HUB
from hub.workspace.cases import Cases

MANY: Final = 50
"""Open reviews of one exchange from which on one to-do stands for all of them."""
AT_ONCE: Final = 500
SHORTEST: Final = dt.timedelta(seconds=1)
LONGEST: Final = dt.timedelta(seconds=30)
NO_CASES: Final = Cases()


@dataclass(slots=True)
class Casework:
    """A duty of the worker: its turn compares the open cases with their to-dos and reports what differs."""

    hub: Hub
    due: dt.datetime | None = None
    _last: dt.datetime | None = None

    def turn(self) -> bool:
        """At most once a second, also when it is called more often. Answers whether there was anything."""
        moment = now()
        if self._last is not None and moment < self._last + SHORTEST:
            self.due = self._last + SHORTEST
            return False
        self._last, self.due = moment, moment + LONGEST
        return bool(report(self.hub))


def report(hub: Hub) -> int:
    """Report cases that are new, changed or over; answers how many."""
    people = hub.workspace.hub.people
    wanted_by = (people.cases if people is not None else None) or NO_CASES
    moment = hub.clock()
    with hub.database.begin(reading=True) as connection:
        stands = cases.standing(connection, HUB, [status.value for status in FINAL])
        wanted = {
            one.pop("base"): one | {"assignees": [{"to": to} for to in one["assignees"]]}
            for one in _open(connection, wanted_by, moment)
            if one["assignees"]
        }
        by_base = {name.partition("#")[0]: name for name in stands}
        names = {
            base: by_base.get(base) or f"{base}#{cases.times(connection, HUB, base) + 1}" for base in wanted
        }
    items = [{"id": names[base]} | one for base, one in wanted.items()]
    items += [{"id": name, "status": "completed"} for base, name in by_base.items() if base not in wanted]
    said = {"at": moment.isoformat()}
    reports = [read(one | {"system": HUB, "version": said}, moment) for one in items]
    changed = [
        one
        for one in reports
        if one.status in FINAL
        or (one.content, frozenset(each.receiver for each in one.assignees)) != stands.get(one.key.id)
    ]
    for start in range(0, len(changed), AT_ONCE):
        take(hub, changed[start : start + AT_ONCE], HUB)
    return len(changed)


def _open(connection: Any, to: Cases, moment: dt.datetime) -> Iterator[dict[str, Any]]:
    if to.approvals:
        yield from _approvals(connection, to, moment)
    if to.reviews:
        yield from _reviews(connection, to)
    for exchange, cause, code, field in cases.causes(connection) if to.quarantine else ():
        at = f", {field}" if field else ""
        yield {
            "base": f"cause:{exchange}:{cause}",
            "title": {
                "en": f"Records set aside: {exchange}: {code}{at}",
                "zh": f"有记录被隔离：{exchange}：{code}{at}",
            },
            "text": f"cophub quarantine {exchange}",
            "definition": "hub.quarantine",
            "process": exchange,
            "attributes": _attributes(exchange=exchange, cause=cause, code=code, field=field),
            "assignees": to.quarantine,
        }
    for system in cases.unresolved(connection) if to.receivers else ():
        yield {
            "base": f"receivers:{system}",
            "title": {"en": f"Receivers without a person: {system}", "zh": f"待办接收人未对应到人员：{system}"},
            "text": "cophub todos unresolved",
            "definition": "hub.receivers",
            "process": system,
            "attributes": _attributes(system=system),
            "assignees": to.receivers,
        }


def _approvals(connection: Any, to: Cases, moment: dt.datetime) -> Iterator[dict[str, Any]]:
    for plan in cases.plans(connection, moment):
        item = {
            "base": f"plan:{plan.id}",
            "title": {"en": f"Approve the plan of {plan.exchange}", "zh": f"审批计划：{plan.exchange}"},
            "text": f"cophub approve {plan.id} --reason TEXT",
            "definition": "hub.approval",
            "process": plan.exchange,
            "priority": "high",
            "created": plan.created_at.isoformat(),
            "attributes": _attributes(
                exchange=plan.exchange, plan=str(plan.id), **{k: str(v) for k, v in plan.counts.items() if v}
            ),
            "assignees": to.approvals,
        }
        if plan.expires_at is not None:
            item["due"] = plan.expires_at.isoformat()
        yield item


def _reviews(connection: Any, to: Cases) -> Iterator[dict[str, Any]]:
    counts = cases.reviews(connection)
    few = [exchange for exchange, count in counts.items() if count < MANY]
    for identity, exchange, model, code, opened in cases.reviews_of(connection, few):
        yield {
            "base": f"review:{identity}",
            "title": {
                "en": f"Decide about a {model} of {exchange}: {code}",
                "zh": f"复核 {exchange} 的 {model}：{code}",
            },
            "text": f"cophub review show {identity}",
            "definition": "hub.review",
            "process": exchange,
            "created": opened.isoformat(),
            "attributes": _attributes(exchange=exchange, model=model, code=code, review=str(identity)),
            "assignees": to.reviews,
        }
    for exchange in sorted(set(counts) - set(few)):
        yield {
            "base": f"reviews:{exchange}",
            "title": {"en": f"Decide about records of {exchange}", "zh": f"复核 {exchange} 的记录"},
            "text": "cophub review",
            "definition": "hub.review",
            "process": exchange,
            "attributes": _attributes(exchange=exchange),
            "assignees": to.reviews,
        }


def _attributes(**values: str) -> Mapping[str, Any]:
    return {name: {"value": value[:1000]} for name, value in values.items() if value}
