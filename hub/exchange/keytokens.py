"""Keys of records as people may see them: where a key feeds a classified field, a token takes its place.

The token is an HMAC under a key of the hub: the same record has the same token in quarantine, plans, reviews and
links, and nobody without the hub's key can try out numbers against it.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from hub.errors import ConfigError
from hub.exchange.ground import Hub
from hub.mapping.compile import Compiled, compile_mapping
from hub.mapping.lineage import lineage
from hub.mapping.protection import read_levels
from hub.security.masking import NOBODY, Sight
from hub.workspace.shape import UNCLASSIFIED, MappingFile

DIGITS = 10


@dataclass(slots=True)
class Keys:
    """Of all exchanges, as ``sight`` may see them."""

    hub: Hub
    sight: Sight = NOBODY
    _levels: dict[str, tuple[str, str]] = field(default_factory=dict)

    def shown(self, exchange: str, key: str) -> str:
        """The key, or its token."""
        if not key or self.sight.sees(self._of(exchange)[0]):
            return key
        return self._token(exchange, key)

    def foreign(self, exchange: str, key: str | None) -> str:
        """The same of a key in the target of an outbound exchange or a pass-through."""
        if not key or self.sight.sees(self._of(exchange)[1]):
            return key or ""
        return self._token(exchange, key)

    def position(self, exchange: str, position: str) -> str:
        """Where a record stands: a file and its line, or ``system.resource KEY`` of a target."""
        place, space, key = position.partition(" ")
        return f"{place}{space}{self.foreign(exchange, key)}" if space else position

    def _token(self, exchange: str, key: str) -> str:
        return "#" + self.hub.keep.opened().blind_index(key, f"key/{exchange}").hex()[:DIGITS]

    def _of(self, exchange: str) -> tuple[str, str]:
        """The levels of an exchange's keys in its source and in its target; of one that is gone, nobody knows."""
        if exchange not in self._levels:
            found = (UNCLASSIFIED, UNCLASSIFIED)
            if exchange in self.hub.workspace.mappings:
                with suppress(ConfigError):
                    mapping = self.hub.workspace.mapping(exchange)
                    levels = [self._level(mapping, one) for one in compile_mapping(mapping, self.hub.workspace)]
                    found = (max(one for one, _ in levels), max(one for _, one in levels))
            self._levels[exchange] = found
        return self._levels[exchange]

    def _level(self, mapping: MappingFile, one: Compiled) -> tuple[str, str]:
        fields = {line.field: line.level for line in lineage(one, self.hub.workspace)}
        target = max((fields.get(name, "") for name in one.target_key), default="")
        if one.direction == "outbound":  # the entity's id says nothing
            return "", target
        names = set(one.key_fields)
        if not names:
            system, _, resource = one.source.partition(".")
            described = self.hub.workspace.system(system).describe(resource)
            names = set((described.read_as or described).key) if described else set()
        read = read_levels(one, self.hub.workspace)
        found = [level for path, level in read.items() if path.replace("[]", "") in names]
        if one.each:  # the element's own key is part of it
            output = mapping.outputs[one.number]
            inner = [output.key] if isinstance(output.key, str) else output.key or []
            found += [level for path, level in read.items() if path.rpartition(".")[2] in inner]
        return max(found, default=""), target
