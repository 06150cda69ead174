"""What dialects have in common: a call, its verdict, the fields of a model, and what a dialect must know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from hub.contract import Field, FieldType
from hub.http import Login, Response

Domain = list[Any]
Means = Literal["rejected", "conflict", "retry", "auth", "forbidden", "failed", "gone"]

TYPES: Mapping[str, FieldType] = {
    "integer": "integer", "biginteger": "integer", "many2one": "integer", "one2many": "integer",
    "many2many": "integer", "one2one": "integer", "many2one_reference": "integer", "float": "float",
    "numeric": "decimal", "monetary": "decimal", "boolean": "boolean", "date": "date", "datetime": "datetime",
    "timestamp": "datetime", "time": "time", "timedelta": "float", "binary": "binary", "image": "binary",
    "dict": "json", "json": "json", "properties": "json", "properties_definition": "json", "fullmulti": "json",
}  # fmt: skip
MANY = frozenset({"one2many", "many2many", "multiselection"})
RELATIONS = frozenset({"many2one", "one2one", "one2many", "many2many"})
BINARY = frozenset({"binary", "image"})


@dataclass(frozen=True, slots=True)
class Kind:
    """One field of a model as the ERP describes it: its type, and the model it leads to."""

    name: str
    type: str
    relation: str = ""
    title: str = ""
    readonly: bool = False

    def field(self) -> Field:
        return Field(self.name, TYPES.get(self.type, "text"), self.type in MANY, title=self.title)


Kinds = Mapping[str, Kind]


@dataclass(frozen=True, slots=True)
class Call:
    """A request: where it goes below ``url``, what it sends, and a name for messages."""

    path: str
    body: Any
    name: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What a server refused, and what that means; ``text`` is its own words and may hold values."""

    means: Means
    text: str


class Dialect(Protocol):
    """How one kind of server is spoken to. Values go through ``decode`` and ``encode``, the rest is plain JSON."""

    context: dict[str, Any]
    """Goes with every call."""

    nests: bool
    """Whether one answer holds related records; else they are asked for by further calls."""

    version: str
    """The field that is another one after each change."""

    def login(self) -> Login | None: ...

    def headers(self) -> Mapping[str, str]: ...

    def prepare(self) -> Call | None:
        """The call whose answer is the context of all others."""
        ...

    def fields(self, model: str) -> Call: ...

    def count(self, model: str, domain: Domain) -> Call: ...

    def search(
        self, model: str, domain: Domain, names: Sequence[str], order: Sequence[str], limit: int
    ) -> Call: ...

    def create_all(self, model: str, several: Sequence[Mapping[str, Any]]) -> Call: ...

    def write(self, model: str, identity: int, values: Mapping[str, Any], version: str | None) -> Call: ...

    def delete(self, model: str, identity: int, version: str | None) -> Call: ...

    def press(self, model: str, method: str, identity: int, version: str | None) -> Call:
        """A method of the model with one record, as a button of a form calls it."""
        ...

    def result(self, answer: Response) -> Any:
        """The result in an answer of status 2xx, or the ``Fault``."""
        ...

    def refusal(self, answer: Response) -> Fault | None:
        """What an answer of another status says, None where only its status does."""
        ...

    def both(self, domain: Domain, conditions: Domain) -> Domain:
        """A domain and further conditions, all of which must hold."""
        ...

    def names(self, wanted: Mapping[str, Any], kinds: Kinds) -> list[str]:
        """The names to ask for, of fields by name and of what is wanted in the records they lead to."""
        ...

    def empty(self) -> Any:
        """What stands for no value in conditions."""
        ...

    def decode(self, kind: Kind | None, value: Any) -> Any: ...

    def encode(self, kind: Kind, value: Any) -> Any: ...

    def replaces(self, wanted: Sequence[int], there: Sequence[int]) -> Any:
        """The command that makes a list of related records be another one."""
        ...

    def makes(self, values: Sequence[Mapping[str, Any]]) -> Any:
        """The command that creates related records."""
        ...
