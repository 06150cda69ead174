"""The run store: what must outlive a run file, sealed and addressed by its SHA-256.

Plans made on one worker are applied on another; originals of quarantined records wait for their
replay. A file is written once under the digest of its sealed bytes and never changed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import fsspec

from hub.crypto import Cipher
from hub.errors import Fatal


@dataclass(frozen=True, slots=True)
class Keep:
    """A folder, local or behind an fsspec URL, and the cipher of what is in it (asked for when it is first needed)."""

    place: str
    opened: Callable[[], Cipher]

    def put(self, data: bytes, context: str) -> str:
        """Seal and store; answers the digest. Nothing is left behind where writing fails."""
        sealed = self.opened().seal(data, context)
        digest = hashlib.sha256(sealed).hexdigest()
        files, root = fsspec.core.url_to_fs(self.place)
        path = f"{root}/{digest[:2]}/{digest}"
        part = f"{path}.{os.getpid()}.part"
        try:
            files.makedirs(f"{root}/{digest[:2]}", exist_ok=True)
            with files.open(part, "wb") as file:
                file.write(sealed)
            files.mv(part, path)
        except OSError as error:
            with suppress(OSError):
                files.rm_file(part)
            raise Fatal(
                "keep.unwritable",
                f"the run store cannot be written to: {error.strerror or type(error).__name__}",
                where=self.place,
                hint="make room there, or mend keep in config/hub.yaml; then run again",
            ) from error
        return digest

    def drop(self, digest: str) -> None:
        """Remove what nobody will ask for any more; what is not there is removed already."""
        files, root = fsspec.core.url_to_fs(self.place)
        with suppress(OSError):
            files.rm_file(f"{root}/{digest[:2]}/{digest}")

    def get(self, digest: str, context: str) -> bytes:
        """Read and open; Fatal ``keep.missing`` or ``sealed.tampered``."""
        files, root = fsspec.core.url_to_fs(self.place)
        path = f"{root}/{digest[:2]}/{digest}"
        if not files.exists(path):
            raise Fatal(
                "keep.missing",
                f"the run store has no {digest[:12]}",
                where=self.place,
                hint="the plan was made with another run store, or it was cleaned: make the plan again",
            )
        sealed = files.cat_file(path)
        if hashlib.sha256(sealed).hexdigest() != digest:
            raise Fatal(
                "keep.changed", f"the file {digest[:12]} of the run store was changed", where=self.place
            )
        return self.opened().open(sealed, context)


def local_folder(place: str, folder: Path) -> str:
    """A relative place lies in the workspace."""
    return place if "://" in place else str(folder / place)
