"""What an environment changes, and the workspace's hash."""

from __future__ import annotations

from pathlib import Path

from .desk import FILES, changed, loaded

IN = "mappings/erp-suppliers.yaml"


def test_an_environment_overlays_systems_mappings_and_the_store(tmp_path: Path) -> None:
    prod = FILES["config/environments/prod.yaml"] + "store: postgresql://hub@db/hub\n"
    files: dict[str, str | bytes | None] = {"config/environments/prod.yaml": prod}
    plain, laid = loaded(tmp_path, files), loaded(tmp_path, files, "prod")
    assert (plain.environment, laid.environment) == (None, "prod")
    assert laid.hub.store == "postgresql://hub@db/hub"
    assert plain.hub.store == "sqlite:///.cophub/hub.sqlite"
    assert (plain.systems["erp"].writes, laid.systems["erp"].writes) == ("on", "log")
    assert laid.systems["erp"].settings.model_dump()["url"] == "https://erp.prod.example.com"
    assert laid.systems["crm"].settings == plain.systems["crm"].settings
    assert laid.mappings["erp-suppliers"].schedule != plain.mappings["erp-suppliers"].schedule


def test_null_in_an_environment_takes_a_key_away(tmp_path: Path) -> None:
    prod = "environment: prod\nsystems:\n  erp: {auth: {basic: ~, token: secret://erp/token}}\n"
    workspace = loaded(tmp_path, {"config/environments/prod.yaml": prod}, "prod")
    auth = workspace.systems["erp"].settings.model_dump()["auth"]
    assert auth["basic"] is None
    assert str(auth["token"]) == "***"


def test_the_hash_stays_with_comments_key_order_and_tests(tmp_path: Path) -> None:
    first = loaded(tmp_path / "a").hash
    lines = FILES["config/systems/erp.yaml"].splitlines()
    swapped = "\n".join(["# a comment", *lines[:2], lines[3], f"{lines[2]}   # here too", *lines[4:], ""])
    files: dict[str, str | bytes | None] = {
        "config/systems/erp.yaml": swapped,
        "mappings/erp-suppliers.test.yaml": None,
        "config/environments/other.yaml": "environment: other\n",
    }
    assert loaded(tmp_path / "b", files).hash == first
    assert len(first) == 64


def test_the_hash_changes_with_content_and_with_an_environment(tmp_path: Path) -> None:
    hashes = [
        loaded(tmp_path / "a").hash,
        loaded(tmp_path / "b", environment="prod").hash,
        loaded(tmp_path / "c", changed(IN, "code: NO", "code: trim(NO)")).hash,
        loaded(tmp_path / "d", changed("config/codes/country.yaml", "Norway", "Norge")).hash,
    ]
    assert len(set(hashes)) == 4


def test_the_digest_of_one_mapping_changes_only_with_that_mapping(tmp_path: Path) -> None:
    before = loaded(tmp_path / "a")
    after = loaded(tmp_path / "b", changed(IN, "code: NO", "code: trim(NO)"))
    assert before.digest("mapping", "erp-suppliers") != after.digest("mapping", "erp-suppliers")
    assert before.digest("mapping", "suppliers-to-crm") == after.digest("mapping", "suppliers-to-crm")
