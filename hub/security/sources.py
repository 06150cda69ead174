"""Where a secret's text may stand: environment, a folder of files, the sealed store. Asked in order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from hub.errors import AuthError, ConfigError
from hub.security.files import read_private

ENVIRONMENT_PREFIX = "COPHUB_SECRET_"
FOLDER = "COPHUB_SECRETS_DIR"

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:/[A-Za-z0-9][A-Za-z0-9_.-]*){1,3}")


class SecretSource(Protocol):
    """One place to look in."""

    @property
    def name(self) -> str:
        """What the place is called in messages."""
        ...

    def get(self, name: str) -> str | None:
        """The text of ``system/name``, or None where it is not here."""
        ...

    def remedy(self, name: str) -> str:
        """The command that puts it here."""
        ...


def secret_name(reference: str) -> str:
    """``system/name`` of ``secret://system/name`` (or of itself); ConfigError ``secret.reference``."""
    name = reference.removeprefix("secret://")
    if not _NAME.fullmatch(name) or ".." in name or len(name) > 200:
        raise ConfigError(
            "secret.reference",
            "this is not the name of a secret"
            if len(name) > 200
            else f"{name!r} is not the name of a secret",
            hint="write secret://system/name with letters, digits, - and _",
        )
    return name


class EnvironmentSource:
    """``COPHUB_SECRET_S4_PASSWORD`` is ``secret://s4/password``: all that is no letter or digit is ``_``."""

    name = "environment"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def get(self, name: str) -> str | None:
        return self._environment.get(self.variable(name))

    def remedy(self, name: str) -> str:
        return f"export {self.variable(name)}=…"

    @staticmethod
    def variable(name: str) -> str:
        return ENVIRONMENT_PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())


class FolderSource:
    """One file per secret, as Docker and Kubernetes mount them: ``s4/password``, ``s4.password`` or
    ``s4_password`` below the folder. UTF-8; one line end at the end is not part of the secret."""

    name = "files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> str | None:
        for candidate in dict.fromkeys((name, name.replace("/", "."), name.replace("/", "_"))):
            path = self._folder / candidate
            if not path.is_file():
                continue
            try:
                text = read_private(path, "secret.permissions").decode("utf-8")
            except UnicodeDecodeError:
                raise AuthError(
                    "secret.encoding",
                    "this secret is not UTF-8 text",
                    where=str(path),
                    hint="write it as UTF-8",
                ) from None
            return text.removesuffix("\n").removesuffix("\r")
        return None

    def remedy(self, name: str) -> str:
        return f"(umask 077; printf %s … > {self._folder / name.replace('/', '.')})"
