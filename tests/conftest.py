"""What the tests stand on: real systems, each skipped by name where it is not there, and public fixtures.

The addresses come from ``HUB_TEST_<NAME>_URL``, or from what ``tests/services up`` noted in this checkout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import pytest

from hub import collector
from tests.house.conformance import Noting
from tests.house.tested import pytest_runtest_makereport, pytest_sessionfinish
from tests.stores import Postgres, new_name
from tests.systems.place import ROOT, Note

__all__ = ["pytest_runtest_makereport", "pytest_sessionfinish"]


def pytest_configure(config: pytest.Config) -> None:
    """The width of somebody's terminal, which workers of xdist are told, is no part of what a test expects."""
    os.environ.pop("COLUMNS", None)
    collector.relax()
    config.pluginmanager.register(Noting())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--both", action="store_true", help="tests marked by_turns on both databases each")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a file marked ``by_turns`` every test runs on one database, its neighbours on the other: all that the
    file is about meets both, in half of the time."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)  # else they run last, and one worker waits
    if config.getoption("--both"):
        return
    turns: dict[str, int] = {}  # of a test with its other parameters, its place in the file
    places: dict[Path, int] = {}
    left = []
    for item in items:
        store = getattr(item, "callspec", None) and item.callspec.params.get("store")  # type: ignore[attr-defined]
        if store not in ("sqlite", "postgresql") or not item.get_closest_marker("by_turns"):
            continue
        name = item.nodeid.replace(store, "")
        if name not in turns:
            turns[name] = places[item.path] = places.get(item.path, -1) + 1
        if (turns[name] % 2 == 0) != (store == "sqlite"):
            left.append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        gone = set(left)
        items[:] = [item for item in items if item not in gone]


def pytest_collection_finish(session: pytest.Session) -> None:
    collector.keep()


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Bytes are no name: archives made at import hold the time, and workers must agree on names."""
    return f"{argname} of {len(val)}" if isinstance(val, bytes) and len(val) > 40 else None


@dataclass(frozen=True)
class Login:
    """Where a system answers and who may speak to it; ``url`` holds no credentials, ``ca`` is the file of a
    private authority."""

    url: str
    username: str
    password: str
    key: str = ""
    database: str = ""
    ca: str = ""


def variables(name: str) -> Mapping[str, str]:
    """The variables of one system; the test that asks is skipped where there are none."""
    if f"HUB_TEST_{name}_URL" in os.environ:
        return os.environ
    noted = Note().variables(name.lower())
    if noted is None:
        start = f"tests/services up {name.lower()}"
        pytest.skip(f"{name.lower()} is not running: {start}, or HUB_TEST_{name}_URL")
    return noted


def _login(name: str) -> Login:
    known = variables(name)
    url = urlsplit(known[f"HUB_TEST_{name}_URL"])
    bare = urlunsplit((url.scheme, url.netloc.rpartition("@")[2], url.path.rstrip("/"), "", ""))
    return Login(
        bare,
        unquote(url.username or ""),
        unquote(url.password or ""),
        key=known.get(f"HUB_TEST_{name}_KEY", ""),
        database=url.path.strip("/"),
        ca=known.get(f"HUB_TEST_{name}_CA", ""),
    )


def _odbc(driver: str, url: str, **more: str) -> str:
    """The ODBC connection string of a database URL."""
    pyodbc = pytest.importorskip("pyodbc", reason="unixODBC is not installed", exc_type=ImportError)
    if driver not in pyodbc.drivers():
        pytest.skip(f"the ODBC driver {driver} is not installed: tests/services up odbc")
    parts = urlsplit(url)
    said = {
        "DRIVER": f"{{{driver}}}",
        "SERVER": str(parts.hostname),
        "PORT": str(parts.port),
        "DATABASE": parts.path.strip("/"),
        "UID": unquote(parts.username or ""),
        "PWD": unquote(parts.password or ""),
        **more,
    }
    return ";".join(f"{key}={value}" for key, value in said.items())


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of public material written by others; ``COPHUB_FIXTURES`` moves it."""
    folder = Path(os.environ.get("COPHUB_FIXTURES") or ROOT.parent / "shared" / "fixtures")
    if not folder.is_dir():
        pytest.skip(f"the public fixtures are not in {folder}: COPHUB_FIXTURES names their folder")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server, where tests make databases of their own."""
    server = Postgres(variables("POSTGRES")["HUB_TEST_POSTGRES_URL"])
    yield server
    server.close()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own, as ``postgresql://user:password@host:port/name``."""
    name = new_name()
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture
def postgres_odbc(postgres_url: str) -> str:
    """The ODBC connection string of ``postgres_url``."""
    return _odbc("PostgreSQL Unicode", postgres_url, BoolsAsChar="0")


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    """An empty MariaDB database of this test's own, as ``mysql://user:password@host:port/name``."""
    server = variables("MARIADB")["HUB_TEST_MARIADB_URL"]
    import pyodbc

    name = new_name()
    admin = pyodbc.connect(_odbc("MariaDB Unicode", server), autocommit=True)
    admin.execute(f"create database {name} character set utf8mb4")
    yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    admin.execute(f"drop database {name}")
    admin.close()


@pytest.fixture
def mariadb_odbc(mariadb_url: str) -> str:
    """The ODBC connection string of ``mariadb_url``."""
    return _odbc("MariaDB Unicode", mariadb_url)


@pytest.fixture
def sqlite_odbc(tmp_path: Path) -> str:
    """The ODBC connection string of an empty SQLite file in ``tmp_path``."""
    import pyodbc

    if "SQLite3" not in pyodbc.drivers():
        pytest.skip("the ODBC driver SQLite3 is not installed: tests/services up odbc")
    return f"DRIVER={{SQLite3}};DATABASE={tmp_path / 'test.sqlite'}"


@pytest.fixture(scope="session")
def tryton() -> Login:
    """Tryton: ``url`` ends in the database's name, ``key`` is the bearer key of its REST API."""
    return _login("TRYTON")


@pytest.fixture(scope="session")
def soap() -> Login:
    """Employees as a SOAP service (spyne): SOAP 1.1 at ``url``, SOAP 1.2 below ``/soap12``."""
    return _login("SOAP")


@pytest.fixture(scope="session")
def sap() -> Login:
    """SAP CAP posing as S/4: V2 below ``/sap/opu/odata/sap``, V4 below ``/sap/opu/odata4/sap``."""
    return _login("SAP")


def _directory(name: str) -> Login:
    """A directory: ``url`` without the base, ``database`` is the base."""
    found = _login(name)
    return replace(found, url=found.url.removesuffix(f"/{found.database}"))


@pytest.fixture(scope="session")
def openldap() -> Login:
    """OpenLDAP: ``username`` may do everything, ``database`` is the base of 10,000 people."""
    return _directory("LDAP")


@pytest.fixture(scope="session")
def active_directory() -> Login:
    """Samba as a domain controller: ``username`` may do everything, ``database`` is the domain."""
    return _directory("AD")


@pytest.fixture(scope="session")
def scim() -> Login:
    """A SCIM 2.0 service; ``key`` is its bearer token."""
    return _login("SCIM")


@pytest.fixture(scope="session")
def caldav() -> Login:
    """Radicale, a CalDAV server; the user owns everything below their name."""
    return _login("CALDAV")


@pytest.fixture(scope="session")
def imap() -> Login:
    """Dovecot: any user may log in with the one password; ``ca`` is the authority of its certificate."""
    return _login("IMAP")


@pytest.fixture(scope="session")
def sftp() -> Mapping[str, str]:
    """OpenSSH: ``HUB_TEST_SFTP_URL`` of a folder, the files of the ``KEY`` and of the server's ``HOSTS``."""
    return variables("SFTP")


@pytest.fixture(scope="session")
def smtp() -> Login:
    """aiosmtpd with the rules of ``tests/systems/smtp_server.py``; ``database`` is the folder it keeps messages in."""
    return replace(_login("SMTP"), database=variables("SMTP")["HUB_TEST_SMTP_BOX"])
