"""To-dos as tasks of SAP Task Center (its service provider interface 2.0): tasks, their definitions, and users.

A to-do is one task for all who have it. Its definition is made of what it offers: to-dos of one sort that offer other
responses are of another definition. People are user ids of Task Center; who has none is left out.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.store import persons, pushing, taskcenter
from hub.store.taskcenter import Task
from hub.todos.feed import NAMES, titled
from hub.todos.people import resolve
from hub.workspace.task_center import TaskCenter

STATES: Final = {
    "incomplete": "INACTIVE", "ready": "READY", "reserved": "RESERVED", "suspended": "FOR_RESUBMISSION",
    "completed": "COMPLETED", "cancelled": "CANCELED", "withdrawn": "CANCELED",
}  # fmt: skip
OVER: Final = ("COMPLETED", "CANCELED")
APPLICATION: Final = "cophub"
LANGUAGE: Final = re.compile(r"[a-z]{2}(-[A-Z]{2})?")
NEWEST: Final = 10_000
"""To-dos whose definitions are listed. A definition of an older one is found by its task."""
ATTRIBUTES: Final = 30
NAME: Final = 255


@dataclass(frozen=True, slots=True)
class Names:
    """What the hub is called in URNs."""

    hub: str
    tenant: str

    def parts(self, local: str) -> dict[str, str]:
        return {
            "applicationId": APPLICATION,
            "applicationInstanceId": self.hub,
            "tenantId": self.tenant,
            "localId": local,
        }

    def task(self, identity: uuid.UUID) -> str:
        return f"urn:sap.odm.bpm.task:{APPLICATION}:{self.hub}:{self.tenant}:{identity}"

    def definition(self, local: str) -> str:
        return f"urn:sap.odm.bpm.taskdefinition:{APPLICATION}:{self.hub}:{self.tenant}:{local}"

    def identity(self, urn: str) -> uuid.UUID | None:
        """The to-do of a URN of ours."""
        prefix, _, local = urn.rpartition(":")
        try:
            found = uuid.UUID(local)
        except ValueError:
            return None
        return found if self.task(found) == urn and prefix else None


@dataclass(frozen=True, slots=True)
class Provider:
    """The hub as a task provider. ``languages`` are those that texts are asked for in; none: all there are."""

    hub: Hub
    languages: Sequence[str] = ()

    @property
    def rule(self) -> TaskCenter:
        """ConfigError ``taskcenter.undeclared``."""
        people = self.hub.workspace.hub.people
        if people is None or people.task_center is None:
            raise ConfigError(
                "taskcenter.undeclared",
                "this hub does not say what people are called in SAP Task Center",
                where="config/hub.yaml: people",
                hint="declare people: {task_center: {user: …}}",
            )
        return people.task_center

    @property
    def names(self) -> Names:
        return Names(self.hub.workspace.hub.hub, self.rule.tenant)

    # ------------------------------------------------------------ users

    def person(self, user: str) -> uuid.UUID | None:
        """The person of a user id; None where it is nobody's, or several people's."""
        if "\0" in user:  # no database is asked for it
            return None
        rule, people = self.rule, self.hub.workspace.hub.people
        assert people is not None
        with self.hub.database.begin(reading=True) as connection:
            if rule.user is not None:
                found = persons.by_field(connection, self.hub.database, people.model, rule.user, [user])
            else:
                found = persons.by_account(connection, people.model, rule.account or "", [user])
            meant = set(persons.by_id(connection, self.hub.database, people.model, found.get(user, ())).values())
        return meant.pop() if len(meant) == 1 else None

    def _users(self, connection: Any, wanted: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
        rule, people = self.rule, self.hub.workspace.hub.people
        assert people is not None
        if rule.user is not None:
            return persons.texts(connection, self.hub.database, people.model, rule.user, wanted)
        found = pushing.accounts(connection, people.model, wanted)
        system = rule.account or ""
        return {person: min(keys) for person, by in found.items() if len(keys := by.get(system, set())) == 1}

    # ------------------------------------------------------------ tasks

    def tasks(self, found: Sequence[Task]) -> list[dict[str, Any]]:
        """Tasks with the ids of their users."""
        began = {
            (row["system"], text) for row, _ in found if (text := (row["content"] or {}).get("initiator")) is not None
        }
        with self.hub.database.begin(reading=True) as connection:
            initiators = {place: one.person for place, one in resolve(connection, self.hub, began).items()}
            wanted = {one["person"] for _, have in found for one in have}
            wanted |= {person for person in initiators.values() if person is not None}
            users = self._users(connection, sorted(wanted))
        return [self._task(row, have, users, initiators) for row, have in found]

    def _task(
        self,
        row: Mapping[str, Any],
        have: Sequence[Mapping[str, Any]],
        users: Mapping[uuid.UUID, str],
        initiators: Mapping[tuple[str, str], uuid.UUID | None],
    ) -> dict[str, Any]:
        content, names = row["content"] or {}, self.names
        boxes = {box: [users[one["person"]] for one in have if one["box"] == box and one["person"] in users]
                 for box in ("to_do", "done")}  # fmt: skip
        status = state(row["status"], have)
        recipients = boxes["done"] if status == "COMPLETED" else [] if status == "CANCELED" else boxes["to_do"]
        alone = recipients[0] if len(recipients) == 1 else None
        definition, operations = self._definition(row["system"], content)
        initiator = initiators.get((row["system"], content.get("initiator") or ""))
        links = content.get("links", {})
        told = {
            "urn": names.task(row["id"]),
            **names.parts(str(row["id"])),
            "definitionId": names.definition(definition),
            "status": status,
            "createdAt": text_of(_moment(content.get("created")) or row["first_seen"]),
            "createdBy": users.get(initiator) if initiator else None,
            "modifiedAt": text_of(row["changed_at"]),
            "processor": alone if status in ("RESERVED", "COMPLETED") else None,
            "dueAt": text_of(_moment(content.get("due"))),
            "completedAt": text_of(row["changed_at"]) if status == "COMPLETED" else None,
            "completedBy": alone if status == "COMPLETED" else None,
            "priority": content.get("priority", NAMES[1]).upper(),
            "subject": self._texts(content.get("title") or {"": row["source_id"]}),
            "mobileUiLink": links.get("mobile"),
            "customAttributes": [
                {"code": name[:64], "value": part["value"][:NAME]}
                for name, part in sorted(content.get("attributes", {}).items())[:ATTRIBUTES]
            ],
            "validResponseCodes": [] if status in OVER else _codes(operations["possibleResponses"]),
            "validActionCodes": [] if status in OVER else _codes(operations["possibleActions"]),
            "recipientUsers": sorted(set(recipients)),
            "recipientGroups": [],
        }
        return told | ({"uiLink": links["pc"]} if links.get("pc") else {})

    def _texts(self, titles: Mapping[str, str]) -> list[dict[str, Any]]:
        """Localized texts. Where languages are asked for, those of them that there are, called as they were asked
        for; a text of no language, or of none of these, is called ``*``."""
        found: dict[str, str] = {}
        for asked in self.languages or titles:
            base = asked if asked in titles else asked.partition("-")[0]
            if base in titles and (code := LANGUAGE.match(asked)):
                found.setdefault(code[0], titles[base])
        if not found:
            return [{"languageCode": "*", "text": str(titled(titles, "en"))[:NAME], "isDefault": False}]
        default = next((code for code in found if code.startswith("en")), next(iter(found)))
        return [
            {"languageCode": code, "text": text[:NAME], "isDefault": code == default} for code, text in found.items()
        ]

    # ------------------------------------------------------------ definitions

    def definitions(self, systems: Sequence[str] | None) -> list[dict[str, Any]]:
        """Those of the to-dos that changed last, by their ids."""
        found: dict[str, dict[str, Any]] = {}
        for row in taskcenter.newest(self.hub.database, systems, NEWEST):
            made = self.definition(row)
            found.setdefault(made["localId"], made)
        return [found[local] for local in sorted(found)]

    def definition(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The definition of a to-do."""
        content, system = row["content"] or {}, row["system"]
        local, operations = self._definition(system, content)
        known = self.hub.workspace.systems.get(system)
        title = known.title if known else {}
        named = content.get("definition") or ""
        told = {name: f"{text}: {named}" if named else text for name, text in _titles(title, system).items()}
        return {
            "urn": self.names.definition(local),
            **self.names.parts(local),
            "name": self._texts(told),
            **operations,
            "customAttributes": [
                {"code": name[:64], "type": "STRING", "name": self._texts(_titles(part.get("title"), name))}
                for name, part in sorted(content.get("attributes", {}).items())[:ATTRIBUTES]
            ],
            "capabilities": [{"name": "tasks.description", "value": True}],
        }

    def _definition(self, system: str, content: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Its local id, and what may be done with its to-dos: what they offer and the hub can give."""
        known = self.hub.workspace.systems.get(system)
        rule = known.acts.responses if known and known.acts and known.writes == "on" else {}
        offered = {name: list(content.get(name) or ()) for name in ("responses", "actions")}
        if not any(offered.values()):
            offered["responses"] = [{"code": code} for code in rule]
        given = {
            name: [one for one in several if one["code"] in rule and "," not in one["code"]]
            for name, several in offered.items()
        }
        attributes = sorted((name, part.get("title")) for name, part in content.get("attributes", {}).items())
        print_ = orjson.dumps([system, content.get("definition", ""), given, attributes], option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(print_).hexdigest()[:32], {
            "possibleResponses": [self._operation(one) for one in given["responses"]],
            "possibleActions": [self._operation(one) for one in given["actions"]],
        }

    def _operation(self, one: Mapping[str, Any]) -> dict[str, Any]:
        reasons = one.get("reasons") or []
        return {
            "code": one["code"],
            "name": self._texts(_titles(one.get("title"), one["code"])),
            "nature": one.get("nature", "neutral").upper(),
            "commentRequired": one.get("comment", "optional").upper(),
            "reasonRequired": "OPTIONAL" if reasons else "UNSUPPORTED",
            "possibleReasons": [{"code": reason, "name": self._texts({"": reason})} for reason in reasons],
        }


def state(status: str, have: Sequence[Mapping[str, Any]]) -> str:
    """The status of a task. Where its system did not end it, it is over once all who had it have done it."""
    boxes = {one["box"] for one in have}
    found = STATES[status]
    return "COMPLETED" if found in ("READY", "RESERVED") and "done" in boxes and "to_do" not in boxes else found


def text_of(moment: dt.datetime | None) -> str | None:
    """As Task Center writes times: UTC, in milliseconds."""
    return None if moment is None else f"{moment.astimezone(dt.UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3]}Z"


def _moment(text: Any) -> dt.datetime | None:
    return dt.datetime.fromisoformat(text) if text else None


def _codes(operations: Sequence[Mapping[str, Any]]) -> list[str]:
    return [one["code"] for one in operations]


def _titles(title: Any, name: str) -> Mapping[str, str]:
    return title if isinstance(title, Mapping) and title else {"": title or name}
