"""What YAML may say about an ERP that speaks JSON-RPC, and about one of its models."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from hub.contract import Settings
from hub.http import HttpSettings
from hub.http.records import check_fields
from hub.http.settings import Names

CREDENTIALS = {"tryton": ("basic",), "odoo": ("basic",), "odoo_json2": ("bearer",)}


class RpcSettings(HttpSettings):
    """An ERP. ``url`` of Tryton ends with the name of the database, that of Odoo before /jsonrpc and /json/2."""

    dialect: Literal["tryton", "odoo", "odoo_json2"] = Field(
        description="tryton: Tryton's own protocol; odoo: execute_kw at /jsonrpc; odoo_json2: /json/2 (Odoo 19)",
        examples=["tryton"],
    )
    database: str | None = Field(
        default=None, description="Name of the database, of Odoo", examples=["company"]
    )
    context: dict[str, Any] = Field(
        default={},
        description="Context of every call, such as language and company; Tryton's user preferences go before it",
        examples=[{"language": "en", "company": 1}],
    )
    archived: bool = Field(default=True, description="Read records that are archived (active is false), too")
    page_size: int = Field(default=500, ge=1, le=10_000, description="Records per page", examples=[1000])

    @model_validator(mode="after")
    def _fits(self) -> Self:
        wanted = CREDENTIALS[self.dialect]
        given = (
            [name for name in type(self.auth).model_fields if getattr(self.auth, name)] if self.auth else []
        )
        if given != list(wanted):
            raise ValueError(f"the dialect {self.dialect} takes auth: {wanted[0]}")
        if self.auth and self.auth.basic and self.auth.basic.password is None:
            raise ValueError("auth: basic takes username and password here")
        if self.dialect == "odoo" and self.database is None:
            raise ValueError("the dialect odoo takes database")
        return self


class RpcResource(Settings):
    """One model of the ERP."""

    model: str = Field(
        description="Its technical name", examples=["party.party"], pattern=r"^[A-Za-z_][\w.]*$"
    )
    title: str = Field(default="", description="Title")
    method: str | None = Field(
        default=None,
        description="Method that an update calls with the record instead of writing it, as a button does",
        examples=["approve"],
        pattern=r"^[a-z]\w*$",
    )
    key: Names = Field(default=["id"], description="Fields that identify a record", examples=["code"])
    cursor: str | None = Field(
        default=None,
        description="Time field that grows with each change: last_modified_at in Tryton, write_date in Odoo",
        examples=["last_modified_at"],
    )
    domain: list[Any] = Field(
        default=[],
        description="Conditions of every read, as the ERP writes them",
        examples=[[["type", "=", "goods"]]],
    )
    fields: Annotated[dict[str, Any], AfterValidator(check_fields)] = Field(
        default={},
        description="Names and types, where cophub check is to know them; nested fields lead into related records",
        examples=[{"code": "text", "party": {"name": "text"}, "addresses": [{"city": "text"}]}],
    )
