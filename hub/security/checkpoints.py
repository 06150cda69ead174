"""Signed checkpoints of the audit chain: in the database, and where configured in a file outside of it.

A checkpoint is an Ed25519 signature over hub, number, hash and time of the newest entry. Before it is
signed, the chain since the checkpoint before is verified: what was tampered with is not signed.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hub.errors import AuthError, ConfigError, Fatal
from hub.security.signing import Signer, verified
from hub.security.verify import Verdict, verify
from hub.store import audit
from hub.store.audit import START, Checkpoint, Entry, Head, canonical
from hub.store.database import Database, now
from hub.workspace.shape import HubFile

FILE = "audit-checkpoints.jsonl"
PREFIX = b"cophub/1/audit-checkpoint\n"


def message(hub: str, one: Checkpoint) -> bytes:
    """What is signed."""
    return PREFIX + canonical([hub, one.seq, one.hash, one.at]).encode()


def due(database: Database, every: int) -> bool:
    """Whether so many entries are not covered by a checkpoint."""
    with database.begin(reading=True) as connection:
        head = audit.head(connection)
        return head is not None and head.seq - audit.last_checkpoint(connection) >= every


def make(database: Database, signer: Signer, hub: HubFile, folder: Path) -> Checkpoint | None:
    """Sign the newest entry; None where it is signed already. Fatal ``audit.broken`` where the chain since
    the last checkpoint does not hold."""
    with database.bulk(write=False) as session:
        head, last = audit.head(session), audit.last_checkpoint(session)
        if head is None or head.seq == 0 or head.seq == last:
            return None
        known = {one.seq: one.hash for one in audit.checkpoints(session)}
        start = Head(last, known.get(last, START))
        verdict = verify(audit.entries(session, last), head=head, start=start)
    if not verdict.whole:
        first = verdict.breaks[0]
        raise Fatal(
            "audit.broken",
            f"the audit chain does not hold at entry {first.seq}: {first.text}",
            hint="cophub audit verify tells all; no checkpoint is signed over it",
        )
    unsigned = Checkpoint(head.seq, head.hash, audit.stamp(now()), "")
    one = dataclasses.replace(unsigned, signature=signer.sign(message(hub.hub, unsigned)))
    if hub.audit.checkpoints is not None:
        _append(folder / hub.audit.checkpoints, hub.hub, one)
    with database.begin() as connection:
        audit.add_checkpoint(connection, one)
    return one


def make_if_due(database: Database, signer: Signer, hub: HubFile, folder: Path) -> str:
    """After a run; answers what to remark where no checkpoint could be made."""
    if not due(database, hub.audit.every):
        return ""
    try:
        make(database, signer, hub, folder)
    except (AuthError, ConfigError, Fatal) as error:
        return f"no checkpoint of the audit chain: {error.message}"
    return ""


def _append(folder: Path, hub: str, one: Checkpoint) -> None:
    line = canonical({"checkpoint": 1, "hub": hub, **dataclasses.asdict(one)}) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(
            "audit.folder",
            f"the checkpoint cannot be written: {error.strerror}",
            where=str(folder / FILE),
            hint="mend audit.checkpoints in config/hub.yaml, or the rights of that folder",
        ) from None


# ---------------------------------------------------------------- verification


def signatures(hub: str, signer: Signer | None, keys: Sequence[bytes]) -> Any:
    """A judge of checkpoints' signatures: by public keys where given, else by the hub's own keys."""
    public = [Ed25519PublicKey.from_public_bytes(key) for key in keys]

    def good(one: Checkpoint) -> bool:
        text = message(hub, one)
        if not public and signer is not None:
            try:
                return signer.verify(text, one.signature)
            except AuthError:  # its key is no longer in the ring: give its public key
                return False
        try:
            raw = bytes.fromhex(one.signature.partition(":")[2])
        except ValueError:
            return False
        return any(verified(key, text, raw) for key in public)

    return good


def verify_store(
    database: Database, hub: str, signer: Signer, *, kept: Sequence[Checkpoint] = (), keys: Sequence[bytes] = ()
) -> Verdict:
    """The whole chain in one snapshot, against the checkpoints of the database and those ``kept`` outside."""
    with database.bulk(write=False) as session:
        known = [*audit.checkpoints(session), *kept]
        return verify(
            audit.entries(session),
            head=audit.head(session),
            checkpoints=list(dict.fromkeys(known)),
            signed=signatures(hub, signer, keys),
        )


def key_of(text: str) -> bytes:
    """A public key as ``cophub audit key`` prints it."""
    try:
        raw = bytes.fromhex(text.strip())
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise ConfigError(
            "audit.key", "this is no public key: 64 hexadecimal digits", hint="cophub audit key prints it"
        )
    return raw


def read_kept(path: Path, hub: str = "") -> list[Checkpoint]:
    """The checkpoints of a file outside the database; of one hub where it is named."""
    return [one for kind, one, name in _lines(path) if kind == "checkpoint" and hub in ("", name)]


# ---------------------------------------------------------------- exports


def export(database: Database, hub: str, path: Path) -> int:
    """Write the chain and its checkpoints as lines of JSON; answers how many entries."""
    count = 0
    with database.bulk(write=False) as session, path.open("x", encoding="utf-8") as file:
        for entry in audit.entries(session):
            file.write(canonical({"entry": 1, **dataclasses.asdict(entry)}) + "\n")
            count += 1
        for one in audit.checkpoints(session):
            file.write(canonical({"checkpoint": 1, "hub": hub, **dataclasses.asdict(one)}) + "\n")
        head = audit.head(session) or Head(0, START)
        file.write(canonical({"head": 1, "hub": hub, **dataclasses.asdict(head)}) + "\n")
    return count


def verify_export(path: Path, keys: Sequence[bytes], kept: Sequence[Checkpoint] = ()) -> Verdict:
    """An export alone, without database and master key."""
    checkpoints, head, hub = list(kept), None, ""
    for kind, one, name in _lines(path):
        if kind == "checkpoint":
            checkpoints.append(one)
        if kind != "entry":
            head, hub = (one if kind == "head" else head), name
    entries: Iterable[Entry] = (one for kind, one, _ in _lines(path) if kind == "entry")
    judge = signatures(hub, None, keys)
    return verify(entries, head=head, checkpoints=list(dict.fromkeys(checkpoints)), signed=judge)


def _lines(path: Path) -> Iterator[tuple[str, Any, str]]:
    shapes = {"entry": Entry, "checkpoint": Checkpoint, "head": Head}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                values = _object(path, number, line)
                kind = next((name for name in shapes if name in values), "")
                hub = str(values.pop("hub", ""))
                values.pop(kind, None)
                try:
                    yield kind, shapes[kind](**values), hub
                except (KeyError, TypeError):
                    raise _malformed(path, number) from None
    except OSError as error:
        raise ConfigError("audit.file", f"cannot read it: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise _malformed(path, 1) from None


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        values = json.loads(line)
    except ValueError:
        raise _malformed(path, number) from None
    if not isinstance(values, dict):
        raise _malformed(path, number)
    return values


def _malformed(path: Path, number: int) -> ConfigError:
    return ConfigError(
        "audit.file",
        "this is no line of an audit export or of a file of checkpoints",
        where=f"{path}:{number}",
        hint="cophub audit export writes one",
    )
