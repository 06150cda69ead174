"""The settings by which persons act on to-dos: whether they are settings of the system at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from hub.contract import Spec
from hub.errors import Finding
from hub.workspace.acting import filled
from hub.workspace.located import Layered, Located
from hub.workspace.overlay import merge
from hub.workspace.plain import plain_secrets
from hub.workspace.shape import SystemFile


def as_somebody(file: Located | Layered, shape: SystemFile | None, spec: Spec, own: Mapping[str, Any]) -> list[Finding]:
    """The settings of a person must be settings of the connector, with no secret in clear text."""
    acts = shape.acts if shape else None
    if acts is None or acts.as_ == "system":
        return []
    try:
        made = spec.settings.model_validate(merge(own, filled(acts.as_, "account")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = file.place(("acts", "as", *first["loc"]))
        where = ".".join(map(str, first["loc"]))
        message = f"acts.as: with it the settings of the system are wrong at {where}: {first['msg']}"
        return [Finding(*place, "error", "acts.as", message, "write settings as the system has them")]
    return [*plain_secrets(made, file, ("acts", "as"))]
