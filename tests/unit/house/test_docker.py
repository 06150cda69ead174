"""What images and compose files say, held against the schema, the command line and the files of this repository.

No image is built here: see docs/how-to/deploy.md for what that leaves open.
"""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from jsonschema import Draft7Validator

from hub.cli.app import command
from hub.security.files import read_private
from hub.security.keys import load
from tests.house.codes import ROOT

DOCKER = ROOT / "docker"
SETS = {
    "embedded": ("compose.embedded.yaml",),
    "standard": ("compose.standard.yaml",),
    "distributed": ("compose.standard.yaml", "compose.distributed.yaml"),
}


@cache
def compose(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCKER / name).read_text())
    return found


@cache
def schema() -> Draft7Validator:
    """The published schema of compose files, as check-jsonschema carries it."""
    path = distribution("check-jsonschema").locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    return Draft7Validator(json.loads(Path(str(path)).read_text()))


def whole(name: str) -> dict[str, dict[str, Any]]:
    """Services, volumes and secrets of a set-up: what a later file says of a service is laid over the earlier one."""
    made: dict[str, dict[str, Any]] = {"services": {}, "volumes": {}, "secrets": {}}
    for file in SETS[name]:
        for part, there in made.items():
            for key, one in compose(file)[part].items():
                there[key] = laid(there.get(key), one)
    return made


def laid(below: Any, above: Any) -> Any:
    """As compose merges: mappings by their keys, lists one after the other, anything else is replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: laid(below.get(key), one) for key, one in above.items()}
    return [*below, *above] if isinstance(below, list) and isinstance(above, list) else above


def lines() -> list[str]:
    """The instructions of the Dockerfile, each on one line."""
    text = re.sub(r"^#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]


@pytest.mark.parametrize("name", sorted({file for one in SETS.values() for file in one}))
def test_a_compose_file_is_what_the_published_schema_asks_for(name: str) -> None:
    assert [error.message for error in schema().iter_errors(compose(name))] == []


def test_the_schema_finds_what_is_wrong() -> None:
    wrong = json.loads(json.dumps(compose("compose.embedded.yaml")))
    wrong["services"]["hub"]["comand"] = ["serve"]
    assert len(list(schema().iter_errors(wrong))) == 1


@pytest.mark.parametrize("name", SETS)
def test_what_a_service_needs_is_there(name: str) -> None:
    have = whole(name)
    for service in have["services"].values():
        secrets = {one if isinstance(one, str) else one["source"] for one in service.get("secrets", [])}
        volumes = {one.partition(":")[0] for one in service.get("volumes", []) if not one.startswith("${")}
        assert secrets <= set(have["secrets"])
        assert volumes <= set(have["volumes"])
        assert set(service.get("depends_on", {})) <= set(have["services"])


def test_every_command_of_the_hub_is_one_that_the_command_line_knows() -> None:
    tried = []
    for name in SETS:
        for service in whole(name)["services"].values():
            words = list(service.get("command", []))
            if service.get("entrypoint") == ["cophub"] or "cophub:local" in service.get("image", ""):
                tried.append(tuple(words))
            test = service.get("healthcheck", {}).get("test", [])
            if test[1:2] == ["cophub"]:
                tried.append(tuple(test[2:]))
    assert {words[0] for words in tried} == {"migrate", "serve", "worker", "ready", "airflow"}
    for first, *rest in tried:
        found = command(first)
        with found.make_context(first, list(rest)) as context:  # a wrong option is a usage error
            if rest and not rest[0].startswith("-"):
                assert found.get_command(context, rest[0]) is not None


def test_variables_are_those_that_the_hub_reads() -> None:
    told = set(re.findall(r"`(COPHUB_[A-Z_]+)`", (ROOT / "docs/reference/variables.md").read_text()))
    given = {
        name
        for one in SETS
        for service in whole(one)["services"].values()
        for name in service.get("environment", {})
        if name.startswith("COPHUB_")
    }
    given |= {name for line in lines() if line.startswith("ENV") for name in re.findall(r"COPHUB_[A-Z_]+", line)}
    assert {"COPHUB_HOST", "COPHUB_PORT", "COPHUB_BEHIND", "COPHUB_STORE", "COPHUB_WORKSPACE"} <= given
    assert given - told == set()


def test_the_hubs_processes_of_the_distributed_set_up_reach_the_broker() -> None:
    services = whole("distributed")["services"]
    for name in ("hub", "worker"):
        one = services[name]
        assert urlsplit(one["environment"]["COPHUB_BUS"]).hostname in services
        assert {"bus.password", "store.password"} <= set(one["secrets"])
        assert {"mq", "migrate"} <= set(one["depends_on"])
    assert "COPHUB_BUS" not in services["migrate"]["environment"]


def test_airflow_speaks_to_its_database_by_drivers_that_the_image_has() -> None:
    """Where no address is given for what it does asynchronously, Airflow takes asyncpg."""
    said = whole("distributed")["services"]["scheduler"]["environment"]
    names = ("DATABASE__SQL_ALCHEMY_CONN", "DATABASE__SQL_ALCHEMY_CONN_ASYNC", "CELERY__RESULT_BACKEND")
    found = [re.search(r"\bpostgresql\+(\w+)://", said[f"AIRFLOW__{name}_CMD"]) for name in names]
    lock = (ROOT / "requirements" / "image.lock").read_text()
    assert [one and f"\n{one[1]}==" in lock for one in found] == [True] * 3


def test_nothing_runs_as_root_names_a_host_or_holds_a_secret() -> None:
    text = (DOCKER / "Dockerfile").read_text()
    assert "://" not in text
    assert [line.split()[1] for line in lines() if line.startswith("USER")] == ["10001:0"]
    assert all("${BASE}" in line or line.split()[1].islower() for line in lines() if line.startswith("FROM"))
    for name in SETS:
        for key, service in whole(name)["services"].items():
            if "cophub" in service["image"]:
                assert service["user"] == "${COPHUB_UID:-10001}:0", key
                assert service["cap_drop"] == ["ALL"], key
            for variable, value in service.get("environment", {}).items():
                assert not re.search(r"PASSWORD$|SECRET$|KEY$", variable), (key, variable, value)


def test_every_package_is_pinned_and_everything_that_is_copied_is_there() -> None:
    stages: set[str] = set()
    allowed = [line[1:] for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"]
    for line in lines():
        words = line.split()
        if words[0] == "FROM":
            assert words[1] == "${BASE}" or words[1] in stages
            stages.add(words[3])
        if words[0] == "COPY" and words[1].startswith("--from="):
            assert words[1].removeprefix("--from=") in stages
        elif words[0] == "COPY":
            for source in words[1:-1]:
                assert (ROOT / source).exists(), source
                assert any(Path(source).match(one) for one in allowed), f"{source} is ignored"
        for part in line.split("&&"):
            if "/pip " in part and "-r " in part:
                assert "--require-hashes" in part
                assert (ROOT / part.split("-r ")[1].split()[0]).exists()
            elif "/pip install" in part:
                assert "--no-index --no-deps" in part
            elif "/pip wheel" in part:
                assert "--no-deps" in part
    assert {"hub", "airflow"} <= stages


def test_secrets_are_made_once_and_each_is_what_its_reader_takes(tmp_path: Path) -> None:
    made = [str(DOCKER / "make-secrets"), str(tmp_path / "secrets")]
    subprocess.run(made, check=True, capture_output=True)
    before = {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run(made, check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()} == before
    assert set(whole("distributed")["secrets"]) == set(before)
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    key = tmp_path / "secrets" / "master.key"
    key.chmod(0o600)  # in a container it lies on a mount that cannot be written to
    load({"COPHUB_MASTER_KEY_FILE": str(key)})
    assert read_private(key, "x") == before["master.key"]
    assert before["bus.password"].decode().strip() in before["rabbitmq.conf"].decode()
