"""Passwords of local accounts: what is taken as one, and how it is kept and compared.

Kept as Argon2id with the parameters of RFC 9106 for little memory (64 MiB). Rules are those of NIST SP 800-63B-4
for a password that stands alone: length counts, composition does not, and it is not changed without a reason.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, field
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from hub.errors import ConfigError

SHORTEST, LONGEST, DIFFERENT = 15, 256, 6
AT_ONCE: Final = 4
"""So many comparisons at once: each takes 64 MiB."""


def require_good(password: str, name: str) -> None:
    """ConfigError ``password.short``, ``password.long``, ``password.weak``."""
    text = _normal(password)
    if len(text) < SHORTEST:
        raise ConfigError(
            "password.short",
            f"the password has fewer than {SHORTEST} characters",
            hint="take several words; there are no rules about digits or signs",
        )
    if len(text) > LONGEST:
        raise ConfigError("password.long", f"the password has more than {LONGEST} characters", hint="take fewer")
    lower = text.casefold()
    if len(set(lower)) < DIFFERENT or len(lower.replace(name.casefold(), "")) < SHORTEST // 2:
        raise ConfigError(
            "password.weak",
            "the password is one of the first that somebody tries",
            hint="not the account's name, and not a few characters again and again",
        )


def _normal(password: str) -> str:
    """The same however a keyboard composes it."""
    return unicodedata.normalize("NFKC", password)


@dataclass(slots=True)
class Passwords:
    """Hashes and compares; made once per process. ``hasher`` has the parameters."""

    hasher: PasswordHasher = field(default_factory=PasswordHasher)
    _turns: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))
    _nobody: str = ""

    def __post_init__(self) -> None:
        self._nobody = self.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        """As it is stored: parameters, salt and digest."""
        with self._turns:
            return self.hasher.hash(_normal(password))

    def fits(self, stored: str | None, password: str) -> bool:
        """Whether it is the one. Without a stored one the same work is done for nothing: the time tells nobody
        which accounts there are."""
        if len(password) > LONGEST * 4:
            return False
        with self._turns:
            try:
                self.hasher.verify(stored or self._nobody, _normal(password))
            except (VerificationError, InvalidHashError):
                return False
        return stored is not None

    def is_old(self, stored: str) -> bool:
        """Whether it was hashed by weaker parameters than today's."""
        return self.hasher.check_needs_rehash(stored)
