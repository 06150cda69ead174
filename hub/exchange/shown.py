"""Golden values as people may see them: on the command line, in plans and reviews, and through the API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from hub.exchange.ground import Hub
from hub.security import audit
from hub.security.masking import NOBODY, Sight, is_classified, level_in, mask
from hub.store.reports import key_texts
from hub.workspace.shape import ModelField, ModelFile
from hub.workspace.workspace import Workspace


class Values:
    """Classified values masked, references by the keys of what they name: ``learn`` rows first, then ask."""

    def __init__(self, hub: Hub, fields: Mapping[str, ModelField], sight: Sight = NOBODY) -> None:
        self._hub, self._fields, self._sight = hub, fields, sight
        self._names: dict[uuid.UUID, str] = {}

    def learn(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Look up what the references of these rows (field → value) are called."""
        for name, field in self._fields.items():
            if field.type == "ref" and field.model and not field.many:
                ids = {row[name] for row in rows if isinstance(row.get(name), uuid.UUID)}
                self._names |= key_texts(self._hub.database, field.model, ids)

    def shown(self, name: str, value: Any) -> Any:
        """One value; lists and JSON, which are stored as text, are taken apart."""
        field = self._fields.get(name)
        if isinstance(value, uuid.UUID):
            value = self._names.get(value, str(value))
        if field is not None and (field.many or field.type == "json") and isinstance(value, str):
            value = json.loads(value)
        level = level_in(self._hub.workspace.models, field) if field else None
        return mask(value, level, field, self._sight)


def looked_up(hub: Hub, shape: ModelFile, key: str) -> None:
    """Who asks for a classified key learns whether it is there: only whole keys are found, and each
    question is recorded."""
    classified = [name for name in shape.key if is_classified(shape.fields[name].level)]
    if classified:
        audit.note(
            hub.database,
            hub.actor,
            "lookup.classified",
            f"model:{shape.model}",
            details={"fields": classified},
            hashed={"key": key},
        )


def models_shown(workspace: Workspace, exchange: str) -> set[str]:
    """The models whose values an exchange shows, references by their keys; of a pass-through, which has none,
    the place it reads: only a role for all models (or for that place) sees it."""
    mapping = workspace.mapping(exchange)
    places = {mapping.from_, *(output.into for output in mapping.outputs)}
    models = {place for place in places if place in workspace.models}
    fields = [field for model in models for field in workspace.models[model].fields.values()]
    return models | {field.model for field in fields if field.model} or {mapping.from_}
