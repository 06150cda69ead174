from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import Field

from hub.contract import Secret, Settings
from hub.crypto import KeyRing
from hub.errors import AuthError, ConfigError, Fatal, Retriable
from hub.redact import Redactor
from hub.security import keys
from hub.security.secrets import MemorySecretRows, SealedStore, SecretRow, Secrets, resolve_settings
from hub.security.sources import EnvironmentSource, FolderSource

OLD, NEW = base64.b64decode(keys.generate()), base64.b64decode(keys.generate())
NOW = datetime(2026, 11, 23, 15, 48, tzinfo=UTC)


def store(rows: MemorySecretRows, *ring: bytes) -> SealedStore:
    return SealedStore(rows, lambda: KeyRing(ring or (NEW,)), lambda: NOW)


def secrets_of(rows: MemorySecretRows, *ring: bytes) -> Secrets:
    return Secrets([], store=store(rows, *ring))


def file(folder: Path, name: str, content: bytes, mode: int = 0o600) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def test_the_environment_is_asked_first_then_files_then_the_store(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    sealed = store(MemorySecretRows())
    secrets = Secrets([EnvironmentSource(environment), FolderSource(tmp_path)], store=sealed)
    sealed.set("s4/password", "stored")
    assert secrets.resolve("secret://s4/password") == Secret("stored")
    file(tmp_path, "s4.password", b"filed\n")
    assert secrets.resolve("s4/password") == Secret("filed")
    environment["COPHUB_SECRET_S4_PASSWORD"] = "exported"
    assert secrets.resolve("s4/password") == Secret("exported")
    assert secrets.source_of("s4/password") == "environment"


@pytest.mark.parametrize("name", ["s4/password", "s4.password", "s4_password"])
def test_a_folder_may_be_laid_out_in_three_ways(tmp_path: Path, name: str) -> None:
    file(tmp_path, name, "密码 1\r\n".encode())
    assert FolderSource(tmp_path).get("s4/password") == "密码 1"


@pytest.mark.parametrize(
    ("content", "mode", "code"),
    [
        (b"x", 0o644, "secret.permissions"),
        (b"x", 0o660, "secret.permissions"),
        (b"\xff", 0o600, "secret.encoding"),
    ],
)
def test_an_unsafe_or_unreadable_file_is_refused(
    tmp_path: Path, content: bytes, mode: int, code: str
) -> None:
    file(tmp_path, "s4.password", content, mode)
    with pytest.raises(AuthError) as caught:
        FolderSource(tmp_path).get("s4/password")
    assert caught.value.code == code


@pytest.mark.parametrize(
    "reference",
    [
        "secret://../etc/passwd",
        "secret://s4",
        "secret://s4/../x",
        "s4/.hidden",
        "/etc/x",
        "s4//x",
        "s4/a b",
        "s4/a..b",
        "",
    ],
)
def test_a_strange_reference_is_refused(reference: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Secrets([]).resolve(reference)
    assert caught.value.code == "secret.reference"


def test_a_missing_secret_is_said_with_every_remedy(tmp_path: Path) -> None:
    secrets = Secrets([EnvironmentSource({}), FolderSource(tmp_path)], store=store(MemorySecretRows()))
    with pytest.raises(AuthError) as caught:
        secrets.resolve("secret://s4/password")
    assert caught.value.code == "secret.missing"
    for way in ("cophub secrets set s4/password", "COPHUB_SECRET_S4_PASSWORD", str(tmp_path)):
        assert way in caught.value.hint


def test_a_value_is_replaced_as_the_next_version_and_never_listed() -> None:
    secrets = secrets_of(MemorySecretRows())
    secrets.set("s4/password", "first-value")
    secrets.set("s4/password", "second-value")
    assert secrets.resolve("s4/password").reveal() == "second-value"
    (info,) = secrets.list()
    assert (info.name, info.version, info.created, info.current) == ("s4/password", 2, NOW, True)
    assert "value" not in repr(info)


def test_what_is_stored_is_sealed_to_its_name_and_version() -> None:
    rows = MemorySecretRows()
    secrets = secrets_of(rows)
    secrets.set("s4/password", "correct-horse")
    row = rows.get("s4/password")
    assert row is not None
    assert b"horse" not in row.sealed
    for twin in (replace(row, name="crm/password"), replace(row, version=7)):
        rows.delete(twin.name)
        rows.put(twin, None)
        with pytest.raises(Fatal) as caught:
            secrets.resolve(twin.name)
        assert caught.value.code == "sealed.tampered"


def test_removing_what_is_not_there_is_said() -> None:
    secrets = secrets_of(MemorySecretRows())
    secrets.set("s4/password", "x")
    secrets.remove("s4/password")
    with pytest.raises(AuthError) as caught:
        secrets.remove("s4/password")
    assert caught.value.code == "secret.missing"


def test_an_empty_value_and_a_missing_store_are_refused() -> None:
    with pytest.raises(AuthError, match=r"secret\.empty"):
        secrets_of(MemorySecretRows()).set("s4/password", "")
    with pytest.raises(AuthError, match=r"secret\.readonly"):
        Secrets([]).set("s4/password", "x")


def test_who_uses_no_stored_secret_needs_no_master_key() -> None:
    def refuse() -> KeyRing:
        raise AuthError("key.missing", "there is no master key")

    secrets = Secrets(
        [EnvironmentSource({"COPHUB_SECRET_S4_PASSWORD": "x"})], store=SealedStore(MemorySecretRows(), refuse)
    )
    assert secrets.resolve("s4/password") == Secret("x")
    assert secrets.list() == []
    with pytest.raises(AuthError, match=r"key\.missing"):
        secrets.set("s4/password", "x")


class Raced(MemorySecretRows):
    """Somebody else writes between our read and our write."""

    def get(self, name: str) -> SecretRow | None:
        row = super().get(name)
        if row is not None:
            super().put(replace(row, version=row.version + 1), row.version)
        return row


def test_a_race_never_loses_the_other_value() -> None:
    rows = Raced()
    secrets_of(rows, OLD).set("s4/password", "x")
    with pytest.raises(Retriable, match=r"secret\.conflict"):
        secrets_of(rows, OLD).set("s4/password", "y")


class Login(Settings):
    username: str
    password: Secret


class Product(Settings):
    url: str
    auth: dict[str, Login]
    headers: list[Secret] = Field(default_factory=list)
    token: Secret | None = None
    logins: tuple[Login, ...] = ()


def test_settings_are_resolved_at_any_depth() -> None:
    environment = {"COPHUB_SECRET_S4_PASSWORD": "p-value", "COPHUB_SECRET_S4_KEY": "k-value"}
    login = Login(username="HUB", password=Secret("secret://s4/password"))
    settings = Product(
        url="https://s4",
        auth={"basic": login},
        headers=[Secret("secret://s4/key"), Secret("plain")],
        logins=(login,),
    )
    redactor = Redactor()
    resolved = resolve_settings(settings, Secrets([EnvironmentSource(environment)], redactor=redactor))
    assert resolved.auth["basic"].password.reveal() == "p-value"
    assert [secret.reveal() for secret in resolved.headers] == ["k-value", "plain"]
    assert resolved.logins[0].password.reveal() == "p-value"
    assert settings.auth["basic"].password.reference == "s4/password"
    assert redactor("sent p-value and k-value") == "sent *** and ***"
    assert "value" not in repr(resolved) + resolved.model_dump_json()


def test_settings_without_secrets_are_the_same_object() -> None:
    settings = Product(url="https://s4", auth={})
    assert resolve_settings(settings, Secrets([])) is settings


def test_all_missing_secrets_are_named_at_once() -> None:
    settings = Product(
        url="https://s4",
        auth={"basic": Login(username="HUB", password=Secret("secret://s4/password"))},
        token=Secret("secret://s4/token"),
    )
    with pytest.raises(AuthError) as caught:
        resolve_settings(settings, Secrets([EnvironmentSource({})]))
    assert "secret://s4/password, secret://s4/token" in caught.value.message
