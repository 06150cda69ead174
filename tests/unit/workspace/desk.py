"""A connector small enough to see through, a workspace on it, and how the tests change one file of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from hub.contract import Context, Resource, Secret, Settings, Spec
from hub.contract import Field as ForeignField
from hub.errors import ConfigError, Finding
from hub.workspace.connectors import Connectors
from hub.workspace.load import Workspace, lint


class Basic(Settings):
    username: str
    password: Secret


class Auth(Settings):
    basic: Basic | None = None
    token: Secret | None = Field(None, examples=["secret://desk/token"])

    @model_validator(mode="after")
    def one(self) -> Auth:
        if self.basic and self.token:
            raise ValueError("choose one of basic and token")
        return self


class DeskSettings(Settings):
    """A desk with drawers."""

    url: str = Field(description="Address of the desk", examples=["https://desk.example.com"])
    auth: Auth | None = None
    pages: int = Field(10, ge=1, le=100, description="Records per page")
    style: Literal["oak", "steel"] = Field("oak", description="What it is made of")
    headers: dict[str, Secret] = Field({})


class Drawer(Settings):
    """One drawer."""

    path: str | None = None
    key: tuple[str, ...] = ()
    fields: dict[str, str] = Field({})
    whole: bool = False
    writable: bool = True
    refuses: tuple[str, ...] = ()


def describe(context: Context, settings: Any, name: str, drawer: Drawer | None) -> Resource | None:
    if name == "Nowhere":
        raise ConfigError("resource.unknown", "there is no such drawer")
    if drawer is None:
        return None
    address = ForeignField("address", fields=(ForeignField("city"),))
    fields = tuple(ForeignField(field) for field in drawer.fields)
    return Resource(
        name, key=drawer.key, fields=(*fields, address) if fields else (), replaces=drawer.whole,
        writable=drawer.writable, refuses=frozenset(drawer.refuses),
    )  # fmt: skip


SPEC = Spec(
    name="desk", title="Desk", summary="A desk with drawers.", settings=DeskSettings, resource=Drawer,
    open=lambda *_: None, describe=describe, writes=True,
)  # fmt: skip
READER = Spec(
    name="reader", title="Reader", summary="Only reads.", settings=DeskSettings, resource=Drawer,
    open=lambda *_: None, describe=describe,
)  # fmt: skip

CONNECTORS = Connectors({"desk": SPEC, "reader": READER, "broken": "tests.unit.workspace.no_such_module"})

FILES = {
    "config/hub.yaml": "hub: test\n",
    "config/systems/erp.yaml": """\
system: erp
connector: desk
url: https://erp.example.com
auth: {basic: {username: HUB, password: secret://erp/password}}
resources:
  Supplier: {key: [NO], fields: {NO: text, NAME: text, LAND: text}}
""",
    "config/systems/crm.yaml": """\
system: crm
connector: desk
url: https://crm.example.com
resources:
  Account: {key: [Id], fields: {Id: text, Name: text}}
""",
    "config/models/supplier.yaml": """\
model: supplier
key: [code]
fields:
  code: {type: text, required: true}
  name: {type: text}
  country: {type: code, list: country}
  parent: {type: ref, model: supplier}
""",
    "config/codes/country.yaml": """\
codes: country
values: {DE: Germany, NO: Norway}
systems:
  erp: {GER: DE}
""",
    "mappings/erp-suppliers.yaml": """\
mapping: erp-suppliers
from: erp.Supplier
into: supplier
match: [[code]]
fields:
  code: NO
  name: {value: NAME, strength: weak}
""",
    "mappings/erp-suppliers.test.yaml": """\
- given: {NO: "1"}
  expect: {code: "1"}
""",
    "mappings/suppliers-to-crm.yaml": """\
mapping: suppliers-to-crm
from: supplier
into: crm.Account
key: Id
fields: {Id: code, Name: name, address.city: country}
""",
    "config/environments/prod.yaml": """\
environment: prod
systems:
  erp: {url: "https://erp.prod.example.com", writes: log}
mappings:
  erp-suppliers: {schedule: {every: 15m}}
""",
}


def write(folder: Path, changes: Mapping[str, str | bytes | None] | None = None) -> Path:
    """The workspace above in ``folder`` with some files replaced, or left out (None)."""
    for name, content in {**FILES, **(changes or {})}.items():
        if content is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def findings(
    folder: Path, changes: Mapping[str, str | bytes | None], environment: str | None = None
) -> list[Finding]:
    return lint(write(folder, changes), environment, connectors=CONNECTORS)[1]


def loaded(
    folder: Path, changes: Mapping[str, str | bytes | None] | None = None, environment: str | None = None
) -> Workspace:
    workspace, found = lint(write(folder, changes), environment, connectors=CONNECTORS)
    assert found == []
    assert workspace is not None
    return workspace


def changed(name: str, old: str, new: str) -> dict[str, str | bytes | None]:
    """One file of the workspace with one piece of text replaced."""
    assert old in FILES[name]
    return {name: FILES[name].replace(old, new)}
