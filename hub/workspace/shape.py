"""The shape of every file an integrator writes. Declared once: the loader validates with these
classes, ``cophub schema`` prints them as JSON Schema, the reference page is generated from them.

Names follow the YAML; where YAML's word is a Python keyword the attribute ends in ``_``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hub.workspace.acting import Acts
from hub.workspace.address import ADDRESS
from hub.workspace.alerting import ALERTS, Alert
from hub.workspace.auditing import AUDIT, AuditRule
from hub.workspace.bus import BUS, Bus
from hub.workspace.contents import CONTENTS, ContentStore
from hub.workspace.delivering import (
    CHANGED_BY_HAND,
    COMPARE,
    DISABLING,
    GHOSTS,
    READ_BACK,
    ByHand,
    Disabling,
    ReadBackRule,
)
from hub.workspace.delivering import Delivering as Delivering
from hub.workspace.flow import AIRFLOW, DRAFT, FRESH_WITHIN, KEEP_RUNS, SCHEDULES, Airflow, off_while_draft
from hub.workspace.flow import Schedule as Schedule
from hub.workspace.hooks import WEBHOOKS
from hub.workspace.hooks import Api as Api
from hub.workspace.hooks import Dropin as Dropin
from hub.workspace.hooks import Push as Push
from hub.workspace.hooks import Webhook as Webhook
from hub.workspace.limits import ABSENT, EFFECTIVE, AbsentRule, Approvals, CanaryRule, GuardRule, Plans
from hub.workspace.limits import Absent as Absent
from hub.workspace.limits import Effective as Effective
from hub.workspace.limits import Guard as Guard
from hub.workspace.login import LOGIN, Login
from hub.workspace.matching import (
    AMBIGUOUS,
    COLLISION,
    LINKED,
    MATCH,
    OUT_OF_SCOPE,
    UNLINKED,
    UNMATCHED,
    Doubt,
    Linked,
    Match,
    Outside,
    Unlinked,
    Unmatched,
)
from hub.workspace.model import UNCLASSIFIED as UNCLASSIFIED
from hub.workspace.model import Level as Level
from hub.workspace.model import Mask as Mask
from hub.workspace.model import ModelField as ModelField
from hub.workspace.model import ModelFile as ModelFile
from hub.workspace.people import People
from hub.workspace.portal import Portal
from hub.workspace.split import SPLIT, Split
from hub.workspace.sso import SSO, Sso
from hub.workspace.strict import TITLE as TITLE
from hub.workspace.strict import Duration as Duration
from hub.workspace.strict import FieldName as FieldName
from hub.workspace.strict import Name as Name
from hub.workspace.strict import Shape as Shape
from hub.workspace.strict import Title as Title
from hub.workspace.until_free import UNTIL_FREE, UntilFree
from hub.workspace.windows import MAINTENANCE, Window

# ---------------------------------------------------------------- hub.yaml


class HubFile(Shape):
    """``config/hub.yaml``: what holds for the whole workspace."""

    hub: Name = Field(description="Name of this hub", examples=["meditech"])
    title: Title = TITLE
    address: str | None = ADDRESS
    store: str = Field(
        "sqlite:///.cophub/hub.sqlite",
        description="Database of the hub: sqlite:///FILE or postgresql://USER@HOST/NAME; a password "
        "is secret:// or comes from COPHUB_STORE",
        examples=["postgresql://hub@127.0.0.1/hub"],
    )
    store_password: str | None = Field(None, description="secret:// reference", examples=["secret://store/password"])
    scratch: str = Field(".cophub/runs", description="Folder of the run files")
    keep: str = Field(".cophub/keep", description="Folder or fsspec URL of the run store")
    contents: ContentStore = CONTENTS
    zone: str = Field(
        "UTC", description="Time zone whose calendar says which day it is, for effective dates",
        examples=["Asia/Shanghai"],
    )
    languages: list[str] = Field(["en", "zh"], description="Languages of titles")
    memory: str = Field("450MB", description="Memory of one run's DuckDB", examples=["2GB"])
    threads: int = Field(2, ge=1, le=256, description="Processor threads of one run's DuckDB", examples=[4])
    webhooks: dict[Name, Webhook] = WEBHOOKS
    alerts: dict[Name, Alert] = ALERTS
    bus: Bus | None = BUS
    api: Api = Field(Api(), description="Limits of the API", examples=[{"rate": 20, "burst": 40}])
    portal: Portal = Field(
        Portal(), description="How long somebody stays logged in", examples=[{"idle": "1h", "longest": "10h"}]
    )
    login: Login = LOGIN
    people: People | None = Field(
        None,
        description="Who is a person: receivers of to-dos are looked up there",
        examples=[{"model": "person", "receivers": {"code": "number", "mail": "mail"}}],
    )
    sso: Sso | None = SSO
    keep_events: Duration = Field(
        "7d", description="How long events are kept after they were handed over", examples=["30d"]
    )
    keep_runs: Duration = KEEP_RUNS
    plans: Plans = Field(Plans(), description="Stored plans", examples=[{"keep": "7d"}])
    approvals: Approvals = Field(
        Approvals(), description="Approvals of held plans", examples=[{"four_eyes": "on", "expires": "4h"}]
    )
    schedules: Literal["airflow", "worker"] = SCHEDULES
    airflow: Airflow = AIRFLOW
    audit: AuditRule = AUDIT


# ---------------------------------------------------------------- systems


RESOURCE_KEYS = ("canaries",)
"""Keys of a resource that the hub reads itself; the others are its connector's."""


class ResourceEntry(BaseModel):
    """One resource of a system. Keys not listed here belong to the connector."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    canaries: CanaryRule | None = Field(
        None,
        description="Keys that every complete snapshot of the resource holds, whichever mapping reads it; see canaries "
        "of a mapping",
        examples=[[1000, 2000]],
    )


class SystemFile(BaseModel):
    """``config/systems/NAME.yaml``: an external application instance. Keys not listed here belong to
    the connector and are checked against its settings."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    system: FieldName = Field(description="Name of the system, as the file is named", examples=["s4"])
    title: Title = TITLE
    connector: str = Field(description="A connector or a profile", examples=["odata", "sap_s4"])
    writes: Literal["on", "off", "log"] = Field(
        "on", description="off refuses, log only logs what would be sent"
    )
    delivery: Delivering = Field(
        Delivering(),
        description="How patiently it is written to",
        examples=[{"retry_for": "30m", "threads": 4}],
    )
    push: Push | None = Field(
        None,
        description="How events that it sends to the hub are proven",
        examples=[{"secret": "secret://crm/push"}],
    )
    todos: Dropin | None = Field(
        None,
        description="How it pushes to-dos, where it speaks the protocol of an OA",
        examples=[{"speaks": "seeyon", "code": "3001", "receiver": "login"}],
    )
    acts: Acts | None = Field(
        None,
        description="How its to-dos are acted on",
        examples=[
            {
                "as": "system",
                "find": "tasks",
                "key": {"id": "todo.id"},
                "responses": {"approve": {"into": "answers", "done": "status = 'COMPLETED'"}},
            }
        ],
    )
    maintenance: list[Window] = MAINTENANCE
    resources: dict[str, ResourceEntry] = Field({}, description="Resources by name")


class CodesFile(Shape):
    """``config/codes/NAME.yaml``: a code list: the hub's values, and what each system calls them."""

    codes: FieldName = Field(description="Name of the list, as the file is named", examples=["country"])
    title: Title = TITLE
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
    range: Literal["own", "all"] = Field(
        "own",
        description="A list of several sources: own adds and removes only this source's values, all replaces the "
        "whole list",
    )
    lossy: str | None = Field(
        None,
        description="Why it is right that the value does not come back as it went out",
        examples=["the CRM keeps 40 characters"],
    )
    until_free: UntilFree | None = UNTIL_FREE
    title: Title = TITLE


class With(Shape):
    """Another resource of the same system, joined in the same run."""

    from_: str = Field(
        alias="from", description="system.resource of the same system", examples=["s4.A_BusinessPartnerBank"]
    )
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
class Output(Shape):
    """What one record becomes in one model or resource."""

    into: str = Field(description="A model, or system.resource")
    each: str | None = Field(None, description="One output per element", examples=["to_Positions as p"])
    key: str | list[str] | None = Field(None, description="Key of the output's foreign record")
    where: str | None = Field(
        None, description="Condition over the record's fields", examples=["active = '1'"]
    )
    match: list[Match] = MATCH
    fields: dict[str, Value] = Field(
        min_length=1, description="Field → expression", examples=[{"name": "trim(NAME1)"}]
    )
    unmatched: Unmatched = UNMATCHED
    unlinked: Unlinked = UNLINKED
    linked: Linked = LINKED
    ambiguous: Doubt = AMBIGUOUS
    collision: Doubt = COLLISION
    out_of_scope: Outside = OUT_OF_SCOPE
    absent: AbsentRule = ABSENT
    disable: Disabling | None = DISABLING
    effective: Effective | None = EFFECTIVE


class MappingFile(Shape):
    """``mappings/NAME.yaml``: how records of a resource become a model, or the reverse."""

    mapping: Name = Field(description="Name of the mapping, as the file is named", examples=["s4-suppliers"])
    title: Title = TITLE
    from_: str = Field(alias="from", description="system.resource, or a model", examples=["s4.A_Supplier"])
    into: str | list[Output] = Field(description="A model, system.resource, or several outputs")
    enabled: bool = Field(True, description="Whether run --all runs it")
    draft: bool = DRAFT
    mode: Literal["live", "link_only"] = Field(
        "live", description="link_only writes links and a report, nothing else"
    )
    key: str | list[str] | None = Field(None, description="Key fields of the foreign record")
    where: str | None = Field(None, description="Condition over the record's fields")
    with_: dict[FieldName, With] = Field(
        {}, alias="with", description="Name → another resource joined to each record",
        examples=[{"bank": {"from": "s4.A_BusinessPartnerBank", "on": "bank.BusinessPartner = BusinessPartner"}}],
    )  # fmt: skip
    each: str | None = Field(
        None, description="One output per element of a list", examples=["to_Positions as p"]
    )
    match: list[Match] = MATCH
    fields: dict[str, Value] = Field(
        {}, description="Field → expression, or {value, strength}", examples=[{"name": "trim(NAME1)"}]
    )
    unmatched: Unmatched = UNMATCHED
    unlinked: Unlinked = UNLINKED
    linked: Linked = LINKED
    ambiguous: Doubt = AMBIGUOUS
    collision: Doubt = COLLISION
    out_of_scope: Outside = OUT_OF_SCOPE
    absent: AbsentRule = ABSENT
    disable: Disabling | None = DISABLING
    effective: Effective | None = EFFECTIVE
    canaries: CanaryRule | None = Field(
        None,
        description="Keys that every complete snapshot holds; where one is missing absence does not count",
        examples=[[1000, 2000]],
    )
    split: Split | None = SPLIT
    guard: GuardRule = Field(
        Guard(), description="Limits of one run; off: none", examples=[{"update": "30%", "delete": "0"}]
    )
    schedule: Schedule | Literal["on_change", "on_event", "manual"] = Field(
        "manual",
        description="When a scheduler runs it; on_change: when a worker sees that its model changed",
        examples=[{"every": "15m"}],
    )
    fresh_within: Duration | None = FRESH_WITHIN
    changed_by_hand: ByHand = CHANGED_BY_HAND
    ghosts: Literal["report", "delete"] = GHOSTS
    read_back: ReadBackRule = READ_BACK
    compare: dict[str, Literal["exact", "folded", "ignore"]] = COMPARE
    overlap: Duration = Field("5m", description="How far an incremental read goes back behind its watermark")
    level: Level | None = Field(
        None, description="Of a pass-through: protection level of what it reads and nobody else classifies"
    )
    levels: dict[str, Level] = Field(
        {},
        description="Of a pass-through: source field → protection level, where it differs from level",
        examples=[{"phone": "L3", "name": "L1"}],
    )

    _unjudged = model_validator(mode="before")(off_while_draft)

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
                unlinked=self.unlinked,
                linked=self.linked,
                ambiguous=self.ambiguous,
                collision=self.collision,
                out_of_scope=self.out_of_scope,
                absent=self.absent,
                disable=self.disable,
                effective=self.effective,
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

    given: dict[str, Any] = Field(
        description="The record, with the fields the case is about", examples=[{"NAME1": " ACME "}]
    )
    expect: dict[str, Any] | None = Field(
        None, description="Fields it must become; others are not looked at", examples=[{"name": "ACME"}]
    )
    expect_problem: dict[str, str] | None = Field(
        None,
        description="The reason it must be set aside for",
        examples=[{"field": "name", "code": "required"}],
    )
    expect_none: bool = Field(False, description="The record is out of scope (its where is false)")
    into: str | None = Field(None, description="Which output, where the mapping has several")
    lookups: dict[str, dict[str, str]] = Field({}, description="Answers of key_in and ref by system or model")
    title: str = Field("", description="What the case shows", examples=["blanks are mended"])
    __test__ = False


class EnvironmentFile(Shape):
    """``config/environments/NAME.yaml``: what differs there."""

    environment: Name = Field(description="Name, as the file is named", examples=["prod"])
    store: str | None = Field(
        None, description="The hub's database there", examples=["postgresql://hub@db.example.com/hub"]
    )
    systems: dict[str, dict[str, Any]] = Field({}, description="System → url, auth, limits, writes …")
    mappings: dict[str, dict[str, Any]] = Field({}, description="Mapping → schedule, enabled, guard")
