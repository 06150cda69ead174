"""Tryton 8.0, an ERP, in an environment of its own on SQLite.

Making its database takes a minute of computing; it is kept, seeded, in the cache under the versions
of its packages, so that later starts only unpack it. The key of its REST API is stored in it.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from tests.systems import install, tryton_seed
from tests.systems.place import Place, Unavailable, cache, free_port, listening, run, wait_until
from tests.systems.place import folder as services

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
    kept = _kept(programs)
    if not kept.exists():
        _make(place, programs, data, kept)
    _unpack(kept, data / "hub.sqlite")
    port = _serve(place, programs, data)
    url = f"http://{USER}:{quote(PASSWORD)}@127.0.0.1:{port}/hub"
    return {"HUB_TEST_TRYTON_URL": url, "HUB_TEST_TRYTON_KEY": _key(data / "hub.sqlite")}


class Own:
    """A Tryton of one test's own in ``folder``, on a copy of what is kept. It keeps its address while it is held, and
    while it is ended and begun again. Installs nothing: Unavailable where ``tests/services up`` never made one."""

    def __init__(self, folder: Path) -> None:
        programs = services() / "tryton" / "venv" / "bin"
        kept = _kept(programs)
        if not kept.exists():
            raise Unavailable("tryton was never seeded: tests/services up tryton")
        _unpack(kept, folder / "hub.sqlite")
        self.port, self.log = free_port(), folder / "log"
        self.url = f"http://127.0.0.1:{self.port}/hub"
        self._command = _command(programs, folder, self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Run, and answer; nothing where it does."""
        if self._process is not None:
            return
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_until(lambda: listening(self.port), 120, self._process, self.log)
        except Unavailable:
            self.end()
            raise

    def hold(self) -> None:
        """Take connections and requests, and do nothing with them until ``go_on``."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Run no more; nothing listens at its address."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None


def _kept(programs: Path) -> Path:
    """Where the seeded database of these packages is kept."""
    return cache() / f"tryton-{_fingerprint(programs)}.sqlite.gz"


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
    process: subprocess.Popen[bytes] = place.start(_command(programs, data, port))
    wait_until(lambda: listening(port), 60, process, place.log)
    return port


def _command(programs: Path, data: Path, port: int) -> list[str]:
    """What serves the database in ``data``."""
    config = data / "trytond.conf"
    config.write_text(CONFIG.format(folder=data, port=port))
    return [str(programs / "trytond"), "-c", str(config), "-d", "hub"]


def _key(database: Path) -> str:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    query = "select key from res_user_application where state = 'validated'"
    (key,) = connection.execute(query).fetchone()
    connection.close()
    return str(key)
