"""The one error tree, split by what the caller does next.

    HubError
    ├── ConfigError      the user mends a file            (exit 65)
    ├── AuthError        the user mends a secret or right (exit 77)
    ├── Retriable        the hub tries again, after .wait (exit 75)
    │   └── Waits        it is not to be done now; nothing failed (exit 75)
    ├── RecordRejected   this record goes to quarantine, the others go on
    ├── Held             a guard waits for a person       (exit 76)
    └── Fatal            the run stops; nothing of it is half done (exit 70)

Every error carries a stable ``code`` (dotted, lower case), a ``message`` that says what happened,
``where`` (``file:line`` or record key and field) and a ``hint`` that says what to do. None of them
ever carries a secret: texts from foreign systems pass ``hub.redact`` before they get here.
"""

from __future__ import annotations

from dataclasses import dataclass


class HubError(Exception):
    """What every caller may catch: it always has a code, a message and, where known, a remedy. ``state`` is how a
    run is called that it ended."""

    exit_code = 70
    state = "failed"

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}{self.message} [{self.code}]{hint}"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing wrong, or worth knowing, in a file: collected, never raised one by one.

    ``path`` is relative to the workspace; ``line`` and ``column`` count from 1; ``level`` is
    ``error`` or ``warning``; ``code`` is stable and documented; ``hint`` says what to write instead.
    """

    path: str
    line: int
    column: int
    level: str
    code: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path}:{self.line}:{self.column}: {self.level}: {self.message} [{self.code}]{hint}"


class ConfigError(HubError):
    """A file of the workspace, or an argument, must be changed. The hub has done nothing."""

    exit_code = 65

    def __init__(
        self,
        code: str,
        message: str,
        *,
        where: str = "",
        hint: str = "",
        findings: tuple[Finding, ...] = (),
    ) -> None:
        super().__init__(code, message, where=where, hint=hint)
        self.findings = findings


class AuthError(HubError):
    """A system refused our credentials or our right. The hub does not try again by itself: repeated
    wrong log-ins lock accounts."""

    exit_code = 77


class Retriable(HubError):
    """It may succeed later: the hub waits ``wait`` seconds (None: its own back-off) and tries again,
    a bounded number of times."""

    exit_code = 75

    def __init__(
        self, code: str, message: str, *, where: str = "", hint: str = "", wait: float | None = None
    ) -> None:
        super().__init__(code, message, where=where, hint=hint)
        self.wait = wait


class Waits(Retriable):
    """Somebody, or a calendar, says that it is not to be done now. Nothing failed and no try is counted: it is done
    when ``wait`` seconds are over, or when whoever stopped it lets it go on (None)."""

    state = "stopped"


class RecordRejected(HubError):
    """One record cannot be used. It is quarantined with this reason and the batch goes on."""


class Held(HubError):
    """A guard stopped the run before its first write; a person decides. ``plan`` is the id of the plan that
    waits for the decision."""

    exit_code = 76
    state = "held"

    def __init__(self, code: str, message: str, *, where: str = "", hint: str = "", plan: str = "") -> None:
        super().__init__(code, message, where=where, hint=hint)
        self.plan = plan


class Fatal(HubError):
    """The run cannot go on: its transaction is rolled back and its watermark stays."""
