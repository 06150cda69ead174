"""What a model of an ERP holds, by ``fields_get``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.jsonrpc.declared import RpcResource
from connectors.jsonrpc.read import describe
from connectors.jsonrpc.service import Service
from hub.doctor.discovery import MOST, Discovered, told_apart
from hub.errors import ConfigError

_CHANGED = ("last_modified_at", "write_date")


def discovered(service: Service, names: Sequence[str]) -> list[Discovered]:
    """Models by their technical names: such a server has hundreds, and none of them is the first."""
    if not names:
        raise ConfigError(
            "discover.nothing", "an ERP has hundreds of models: say which",
            hint="name them as the ERP does, such as party.party or res.partner",
        )  # fmt: skip
    return told_apart(_one(service, model) for model in names[:MOST])


def _one(service: Service, model: str) -> Discovered:
    found = describe(model.replace(".", "_"), RpcResource.model_validate({"model": model}), service.kinds(model))
    fields = {one.name: one for one in found.fields}
    options: dict[str, Any] = {"model": model}
    reasons = {"model": "its technical name"}
    lacking = ["lists and links to other records are read only where fields: names them"]
    if "code" in fields:
        options["key"], reasons["key"] = "code", "proposed by its name; without key: it is the ERP's own id"
    if cursor := next((name for name in _CHANGED if name in fields), None):
        options["cursor"], reasons["cursor"] = cursor, "moved by the ERP with every change of the record itself"
    else:
        lacking.append("the model tells no time of a change: it is read in full every time")
    plain = {one.name: one.type for one in found.fields if not one.many and not one.fields and one.type != "json"}
    options["fields"] = plain
    made = replace(found, key=(str(options.get("key", "id")),), cursor=options.get("cursor"))
    return Discovered(made, options, reasons, tuple(lacking))
