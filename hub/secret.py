"""A secret setting, which nothing shows."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Secret:
    """A secret setting. ``repr`` and ``str`` show nothing; ``reveal`` gives the text.

    In YAML it is a reference, ``secret://system/name``; what a connector gets is resolved. Plain
    text is accepted by the type and refused by lint, so that a finding can name the line.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    @property
    def reference(self) -> str | None:
        """The path behind ``secret://``, or None where it is not a reference."""
        return self._text.removeprefix("secret://") if self._text.startswith("secret://") else None

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(("Secret", self._text))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: type[Any], handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, Secret) else cls(str(value)),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: "***"),
            metadata={
                "pydantic_js_functions": [
                    lambda *_: {"type": "string", "pattern": "^secret://", "writeOnly": True}
                ]
            },
        )
