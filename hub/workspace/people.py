"""Who is a person: the model of people, and what others call them by."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hub.workspace.cases import Cases
from hub.workspace.groups import Groups
from hub.workspace.organization import LINE, Dimension, Organization, Posts
from hub.workspace.strict import FieldName, Name, Shape
from hub.workspace.task_center import TaskCenter

Called = Literal["login", "code", "phone", "mail"]


class People(Shape):
    """``people`` of ``config/hub.yaml``: how receivers of to-dos become persons. An account of a system is
    found by the links of the exchanges that read or write it; what else a receiver is called by, here."""

    model: Name = Field(description="Model whose entities are the persons", examples=["person"])
    receivers: dict[Called, FieldName] = Field(
        {},
        description="What a receiver may be called by → field of the model; a value that several persons have "
        "finds none of them",
        examples=[{"code": "number", "login": "username", "mail": "mail"}],
    )
    name: FieldName | None = Field(
        None, description="Field that people see of a person; without it his key", examples=["name"]
    )
    groups: Groups | None = Field(
        None,
        description="Receivers that stand for all members of a group",
        examples=[{"model": "team", "members": "team"}],
    )
    cases: Cases | None = Field(
        None,
        description="Who gets the hub's own cases as to-dos",
        examples=[{"approvals": [{"code": "1001"}], "quarantine": [{"group": "data-stewards"}]}],
    )
    organization: Organization | None = Field(
        None,
        description="Where people belong: what dashboards are confined to and grouped by",
        examples=[{"model": "unit", "parent": "parent", "of": "unit"}],
    )
    task_center: TaskCenter | None = Field(
        None,
        description="The hub as a task provider of SAP Task Center",
        examples=[{"user": "global_id", "tenant": "prod"}],
    )
    dimensions: dict[Name, Dimension] = Field(
        {},
        description="Other trees that people belong to, by name",
        examples=[{"legal": {"model": "company", "parent": "parent", "of": "company"}}],
    )
    posts: Posts | None = Field(
        None,
        description="What people do where, and since when",
        examples=[{"model": "post", "person": "person", "in": {"line": "unit"}, "from": "since", "to": "until"}],
    )
    search: list[FieldName] = Field(
        [],
        description="Fields of type text by whose beginnings people are found, in this order",
        examples=[["name", "name_latin", "number"]],
        max_length=8,
    )

    @property
    def trees(self) -> dict[str, Dimension]:
        """All dimensions by name; ``people.organization`` is ``line``."""
        line = {} if self.organization is None else {LINE: self.organization}
        return line | {name: one for name, one in self.dimensions.items() if name != LINE}
