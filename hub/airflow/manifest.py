"""What Airflow has to know of a workspace, compiled once from its YAML by the loader, kept as JSON.

Parsing DAGs reads this file and looks whether a file of the workspace changed; only then the YAML is read: of changed
mappings those alone, everything where ``config/`` changed. A broken mapping is left out with its findings; where the
rest is broken, what was known before stays and the findings say why.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec

from hub import __version__

FORM: Final = f"3/{__version__}"
Stamp = tuple[int, int]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange. ``crons`` or ``every`` (seconds) and ``assets`` start it, ``outlets`` are told when it changed
    something; ``full`` says when it reads everything, ``parts`` in how many parts; ``digest`` changes with its YAML."""

    name: str
    title: str
    digest: str
    reads: str
    writes: tuple[str, ...]
    pool: str
    enabled: bool = True
    crons: tuple[str, ...] = ()
    every: float | None = None
    full: str | None = None
    parts: int = 0
    assets: tuple[str, ...] = ()
    outlets: tuple[str, ...] = ()

    def shard(self, of: int) -> int:
        """Which of so many stubs shows it."""
        return crc32(self.name.encode()) % of


class Policy(msgspec.Struct, frozen=True):
    """What holds for all exchanges; times in seconds. ``schedules`` is who starts them by time, and after others."""

    zone: str = "UTC"
    retries: int = 3
    retry_wait: float = 60.0
    longest_wait: float = 1800.0
    timeout: float = 43_200.0
    keep: float = 604_800.0
    schedules: str = "airflow"


class Manifest(msgspec.Struct, kw_only=True):
    """Exchanges and pools by name; ``broken``: file → its findings as lines; ``config`` and ``files`` are the stamps
    of the files it was made of."""

    hub: str
    form: str = FORM
    policy: Policy = msgspec.field(default_factory=Policy)
    exchanges: dict[str, Entry] = {}
    pools: dict[str, int] = {}
    broken: dict[str, list[str]] = {}
    config: dict[str, Stamp] = {}
    files: dict[str, Stamp] = {}


def uri(manifest: Manifest, name: str) -> str:
    """What an asset is called: ``exchange/NAME`` and ``model/NAME`` of this hub."""
    return f"cophub://{manifest.hub}/{name}"


@dataclass(frozen=True, slots=True)
class Place:
    """A workspace under an environment, and where its manifest lies."""

    folder: Path
    environment: str | None = None

    @property
    def file(self) -> Path:
        return self.folder / ".cophub" / "airflow" / f"exchanges.{self.environment or 'default'}.json"


def stored(place: Place) -> Manifest | None:
    """The manifest as it was last written, however old; None where there is none that can be read."""
    try:
        found = msgspec.json.decode(place.file.read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.form == FORM else None
