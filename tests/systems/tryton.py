"""Tryton 8.0, an ERP, in an environment of its own on SQLite.

Making its database takes a minute of computing; it is kept, seeded, in the cache under the versions
of its packages, so that later starts only unpack it. The key of its REST API is stored in it.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from tests.systems import install, tryton_seed
from tests.systems.place import Place, Unavailable, cache, free_port, listening, run, wait_until

APT = ()
MODULES = ("party", "company", "product", "purchase_requisition")
PACKAGES = ("trytond~=8.0.0", "bcrypt", *(f"trytond_{module}~=8.0.0" for module in MODULES))
USER, PASSWORD = "admin", "Adm1n!Hub-2026"
CONFIG = """[database]
uri = sqlite://
path = {folder}
[web]
listen = 127.0.0.1:{port}
hostname = 127.0.0.1:{port}
[session]
max_attempt = 100000
max_attempt_ip_network = 100000
"""


def installed() -> bool:
    return True  # nothing of Debian's


def up(place: Place) -> Mapping[str, str]:
    programs = install.python(place.name, *PACKAGES)
    data = place.path / "data"
    data.mkdir(exist_ok=True)
    kept = cache() / f"tryton-{_fingerprint(programs)}.sqlite.gz"
    if not kept.exists():
        _make(place, programs, data, kept)
    _unpack(kept, data / "hub.sqlite")
    port = _serve(place, programs, data)
    url = f"http://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}/hub"
    return {"HUB_TEST_TRYTON_URL": url, "HUB_TEST_TRYTON_KEY": _key(data / "hub.sqlite")}


def _fingerprint(programs: Path) -> str:
    """Stands for the versions of all packages and for what is seeded."""
    versions = run([programs / "python", "-c", "import importlib.metadata as m\n"
                    "print(sorted((d.name, d.version) for d in m.distributions()))"])  # fmt: skip
    seed = Path(tryton_seed.__file__).read_text()
    return hashlib.sha256(f"{versions}{MODULES}{seed}".encode()).hexdigest()[:16]


def _make(place: Place, programs: Path, data: Path, kept: Path) -> None:
    database = data / "hub.sqlite"
    database.write_bytes(b"")  # Tryton fills an empty file and refuses to make one
    config, password = data / "trytond.conf", data / "password"
    config.write_text(CONFIG.format(folder=data, port=free_port()))
    password.write_text(PASSWORD)
    make = [programs / "trytond-admin", "-c", config, "-d", "hub", "--all", "-p"]
    modules = ["--email", "admin@example.com", "-u", *MODULES, "--activate-dependencies"]
    run([*make, *modules], env=os.environ | {"TRYTONPASSFILE": str(password)})
    port = _serve(place, programs, data)
    try:
        tryton_seed.seed(f"http://127.0.0.1:{port}/hub", USER, PASSWORD)
    except (OSError, RuntimeError) as error:
        raise Unavailable(f"Tryton refused the seed: {error}") from error
    finally:
        place.note.stop(place.name)
    _pack(database, kept)


def _pack(database: Path, kept: Path) -> None:
    """SQLite writes the copy itself: part of the data may still be in its write-ahead log."""
    with tempfile.TemporaryDirectory(dir=kept.parent) as drafts:
        plain, packed = Path(drafts, "plain"), Path(drafts, "packed")
        connection = sqlite3.connect(database)
        connection.execute("vacuum into ?", (str(plain),))
        connection.close()
        with gzip.open(packed, "wb") as file:
            file.write(plain.read_bytes())
        packed.replace(kept)


def _unpack(kept: Path, database: Path) -> None:
    for rest in database.parent.glob(f"{database.name}*"):
        rest.unlink()
    with gzip.open(kept) as packed, database.open("wb") as plain:
        shutil.copyfileobj(packed, plain)


def _serve(place: Place, programs: Path, data: Path) -> int:
    port = free_port()
    config = data / "trytond.conf"
    config.write_text(CONFIG.format(folder=data, port=port))
    process: subprocess.Popen[bytes] = place.start([programs / "trytond", "-c", config, "-d", "hub"])
    wait_until(lambda: listening(port), 60, process, place.log)
    return port


def _key(database: Path) -> str:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    query = "select key from res_user_application where state = 'validated'"
    (key,) = connection.execute(query).fetchone()
    connection.close()
    return str(key)
