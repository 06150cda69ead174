"""The shape of every file an integrator writes. Declared once: the loader validates with these
classes, ``cophub schema`` prints them as JSON Schema, the reference page is generated from them.

Names follow the YAML; where YAML's word is a Python keyword the attribute ends in ``_``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Level = Literal["L1", "L2", "L3", "L4", "L5"]
Duration = Annotated[str, StringConstraints(pattern=r"^\d+(ms|s|m|h|d)$")]
Limit = Annotated[
    str,
    StringConstraints(pattern=r"^\d+(\.\d+)?%?$"),
    BeforeValidator(
        lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value,
        json_schema_input_type=str | int,
    ),
]
Title = str | dict[str, str]


class Shape(BaseModel):
    """Strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, populate_by_name=True)


# ---------------------------------------------------------------- hub.yaml


class HubFile(Shape):
    """``config/hub.yaml``: what holds for the whole workspace."""

    hub: Name = Field(description="Name of this hub", examples=["meditech"])
    title: Title = ""
    store: str = Field(
        "sqlite:///.cophub/hub.sqlite",
        description="Database of the hub: sqlite:///FILE or postgresql://USER@HOST/NAME; a password "
        "is secret:// or comes from COPHUB_STORE",
        examples=["postgresql://hub@127.0.0.1/hub"],
    )
    store_password: str | None = Field(None, description="secret:// reference", examples=["secret://store"])
    scratch: str = Field(".cophub/runs", description="Folder of the run files")
    keep: str = Field(".cophub/keep", description="Folder or fsspec URL of the run store")
    languages: list[str] = Field(["en", "zh"], description="Languages of titles")
    memory: str = Field("450MB", description="Memory of one run's DuckDB", examples=["2GB"])


# ---------------------------------------------------------------- models


class Mask(Shape):
    keep: tuple[int, int] | None = Field(
        None, strict=False, description="How many characters stay readable at both ends", examples=[[3, 4]]
    )
    full: bool = False


class ModelField(Shape):
    """One field of a model."""

    type: Literal["text", "integer", "decimal", "boolean", "date", "datetime", "code", "ref", "json"] = Field(
        "text", description="Type of the value"
    )
    many: bool = Field(False, description="A list of such values")
    required: bool = Field(False, description="A record without it is quarantined (code: required)")
    unique: bool = Field(False, description="Two entities may not share it (code: collision)")
    list_: str | None = Field(
        None, alias="list", description="type code: the code list", examples=["country"]
    )
    model: str | None = Field(None, description="type ref: the model referred to", examples=["supplier"])
    digits: int = Field(18, ge=1, le=38, description="type decimal: all digits")
    scale: int = Field(4, ge=0, le=38, description="type decimal: digits after the point")
    format: Literal["email", "phone", "url"] | None = Field(None, description="Known text format")
    pattern: str | None = Field(None, description="Regular expression the whole text must match")
    max_length: int | None = Field(None, ge=1, description="Longest text, in characters")
    min: float | None = Field(None, description="Smallest number")
    max: float | None = Field(None, description="Largest number")
    level: Level | None = Field(None, description="Protection level; L1 public to L5 important")
    class_: str | None = Field(None, alias="class", description="Class of the data", examples=["pi.contact"])
    mask: Mask | Literal["full"] | None = None
    rank: list[str] = Field(
        [], description="Mappings or systems, most trusted first", examples=[["hr", "crm"]]
    )
    title: Title = ""


class ModelFile(Shape):
    """``config/models/NAME.yaml``: a canonical type."""

    model: FieldName
    title: Title = ""
    key: list[str] = Field(
        min_length=1, description="Fields that identify an entity for people", examples=[["code"]]
    )
    fields: dict[FieldName, ModelField] = Field(min_length=1)
    history: bool = Field(True, description="Keep every earlier version")


# ---------------------------------------------------------------- systems


class SystemFile(BaseModel):
    """``config/systems/NAME.yaml``: an external application instance. Keys not listed here belong to
    the connector and are checked against its settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    system: FieldName
    title: Title = ""
    connector: str = Field(description="A connector or a profile", examples=["odata", "sap_s4"])
    writes: Literal["on", "off", "log"] = Field(
        "on", description="off refuses, log only logs what would be sent"
    )
    resources: dict[str, dict[str, Any]] = Field({}, description="Resources by name")


class CodesFile(Shape):
    """``config/codes/NAME.yaml``: a code list: the hub's values, and what each system calls them."""

    codes: FieldName
    title: Title = ""
    values: dict[str, Title] = Field(
        min_length=1, description="Hub value → title", examples=[{"DE": "Germany"}]
    )
    systems: dict[str, dict[str, str]] = Field(
        {}, description="System → its value → hub value", examples=[{"erp": {"GER": "DE"}}]
    )
    missing: Literal["reject", "null"] = Field("reject", description="What an unknown value does")


# ---------------------------------------------------------------- mappings


class FieldRule(Shape):
    """How one field gets its value."""

    value: str = Field(description="SQL expression over the record's fields", examples=["trim(NAME1)"])
    strength: Literal["strong", "normal", "weak"] = Field(
        "normal", description="strong enforces always, normal on change of the source, weak fills the empty"
    )
    title: Title = ""


class MatchRule(Shape):
    """One match rule on mapped values."""

    on: list[str] = Field(min_length=1)
    at_least: float | None = Field(None, gt=0, le=1)
    then: Literal["link", "review"] = "link"


class Absent(Shape):
    """What happens to what is no longer in a complete snapshot."""

    reaction: Literal["ignore", "disable", "delete", "unlink"] = "ignore"
    grace: Duration | None = None


class Guard(Shape):
    """Limits of one run, as a count or a percentage of what was there before."""

    create: Limit | None = None
    update: Limit | None = None
    delete: Limit | None = None
    disable: Limit | None = None


class Schedule(Shape):
    every: Duration | None = None
    cron: str | None = None
    full: str | None = None


class With(Shape):
    """Another resource of the same system, joined in the same run."""

    from_: str = Field(alias="from", examples=["s4.A_BusinessPartnerBank"])
    on: str = Field(
        description="Condition over both records", examples=["bank.BusinessPartner = BusinessPartner"]
    )
    many: bool = Field(False, description="All matching records as a list instead of the only one")


Value = Annotated[
    FieldRule,
    BeforeValidator(
        lambda value: {"value": value} if isinstance(value, str) else value,
        json_schema_input_type=str | FieldRule,
    ),
]
Match = Annotated[
    MatchRule,
    BeforeValidator(
        lambda value: {"on": value} if isinstance(value, list) else value,
        json_schema_input_type=list[str] | MatchRule,
    ),
]
AbsentRule = Annotated[
    Absent,
    BeforeValidator(
        lambda value: {"reaction": value} if isinstance(value, str) else value,
        json_schema_input_type=str | Absent,
    ),
]


class Output(Shape):
    """What one record becomes in one model or resource."""

    into: str = Field(description="A model, or system.resource")
    each: str | None = Field(None, description="One output per element", examples=["to_Positions as p"])
    key: str | list[str] | None = Field(None, description="Key of the output's foreign record")
    where: str | None = None
    match: list[Match] = []
    fields: dict[str, Value] = Field(min_length=1)
    unmatched: Literal["create", "ignore", "review"] = Field(
        "ignore",
        description="What a record becomes that matches no entity: nothing happens that is not written",
    )
    absent: AbsentRule = Absent()


class MappingFile(Shape):
    """``mappings/NAME.yaml``: how records of a resource become a model, or the reverse."""

    mapping: Name
    title: Title = ""
    from_: str = Field(alias="from", description="system.resource, or a model", examples=["s4.A_Supplier"])
    into: str | list[Output] = Field(description="A model, system.resource, or several outputs")
    enabled: bool = True
    mode: Literal["live", "link_only"] = Field(
        "live", description="link_only writes links and a report, nothing else"
    )
    key: str | list[str] | None = Field(None, description="Key fields of the foreign record")
    where: str | None = Field(None, description="Condition over the record's fields")
    with_: dict[FieldName, With] = Field({}, alias="with")
    each: str | None = Field(None, examples=["to_Positions as p"])
    match: list[Match] = []
    fields: dict[str, Value] = {}
    unmatched: Literal["create", "ignore", "review"] = "ignore"
    absent: AbsentRule = Absent()
    guard: Guard = Guard()
    schedule: Schedule | Literal["on_change", "on_event", "manual"] = "manual"
    overlap: Duration = Field("5m", description="How far an incremental read goes back behind its watermark")

    @property
    def outputs(self) -> tuple[Output, ...]:
        """All outputs; a mapping with one model is a mapping with one output."""
        if isinstance(self.into, list):
            return tuple(self.into)
        return (
            Output(
                into=self.into,
                each=self.each,
                key=self.key,
                match=self.match,
                fields=self.fields,
                unmatched=self.unmatched,
                absent=self.absent,
            ),
        )

    @property
    def direction(self) -> Literal["inbound", "outbound", "pass"]:
        """inbound: resource → model; outbound: model → resource; pass: resource → resource."""
        if "." not in self.from_:
            return "outbound"
        return "pass" if any("." in output.into for output in self.outputs) else "inbound"


class TestCase(Shape):
    """One entry of ``mappings/NAME.test.yaml``."""

    given: dict[str, Any]
    expect: dict[str, Any] | None = None
    expect_problem: dict[str, str] | None = Field(None, examples=[{"field": "name", "code": "required"}])
    expect_none: bool = Field(False, description="The record is out of scope (its where is false)")
    into: str | None = Field(None, description="Which output, where the mapping has several")
    lookups: dict[str, dict[str, str]] = Field({}, description="Answers of key_in and ref by system or model")
    title: str = ""
    __test__ = False


class EnvironmentFile(Shape):
    """``config/environments/NAME.yaml``: what differs there."""

    environment: Name
    store: str | None = None
    systems: dict[str, dict[str, Any]] = Field({}, description="System → url, auth, limits, writes …")
    mappings: dict[str, dict[str, Any]] = Field({}, description="Mapping → schedule, enabled, guard")
