"""Finding secrets that stand in a file as plain text (P10)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from hub.contract import Secret
from hub.errors import Finding
from hub.workspace.explain import Loc, dotted
from hub.workspace.located import Layered, Located

LOGIN_IN_URL: Final = re.compile(r"^[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)


SOUNDS_SECRET: Final = re.compile(
    r"pass|pwd|secret|token|key|credential|auth|cookie|sas|signature|connection", re.IGNORECASE
)


def plain_secrets(settings: object, file: Located | Layered, at: Loc = ()) -> Iterator[Finding]:
    """Secret settings that are not ``secret://`` references; the text itself is never shown.
    In a free mapping (headers, options) only keys that sound like a secret must hold one."""
    for path, secret in _secrets(settings, at):
        if secret.reference is None or not secret.reference.strip("/"):
            system = file.value.get("system", "system")
            yield Finding(
                *file.place(path),
                "error",
                "secret.plain",
                f"{dotted(path)} stands here as plain text",
                f"write a reference: secret://{system}/{path[-1]}, and store it with cophub secrets set",
            )


def plain_in_text(file: Located | Layered) -> Iterator[Finding]:
    """Passwords inside addresses, and a store password that is no reference."""
    for path, text in _texts(file.value, ()):
        if LOGIN_IN_URL.match(text):
            yield Finding(
                *file.place(path),
                "error",
                "secret.plain",
                f"{dotted(path)} holds a password inside the address",
                "take user and password out of the address and name a secret:// reference",
            )
        elif path == ("store_password",) and not text.startswith("secret://"):
            yield Finding(
                *file.place(path),
                "error",
                "secret.plain",
                "store_password stands here as plain text",
                "write a reference: secret://store/password, or set COPHUB_STORE",
            )


def _secrets(value: object, at: Loc) -> Iterator[tuple[Loc, Secret]]:
    if isinstance(value, Secret):
        yield at, value
    elif isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            yield from _secrets(getattr(value, name), (*at, field.alias or name))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(item, Secret) or SOUNDS_SECRET.search(key):
                yield from _secrets(item, (*at, key))
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for index, item in enumerate(value):
            yield from _secrets(item, (*at, index))


def _texts(value: Any, at: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*at, index))
