"""The house rules that a machine can watch over (see CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.house.codes import ROOT, trees

DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
LONGEST = 400
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore)(?P<code>:\s*[A-Z]+[0-9]+|\[[a-z-]+)?")
# split, so that the rule does not find itself
ELSEWHERE = re.compile(
    "|".join(
        (
            "/" + r"(?:work|farm|root|home)/[a-z]",
            "/tmp" + r"/[a-z]/",
            "py" + r"pi\.org",
            "python" + r"hosted\.org",
            r"registry\." + "npm" + "js",
        )
    )
)


def modules() -> list[Path]:
    """Every Python file of the project."""
    folders = ("hub", "connectors", "sso", "bench", "tests", "dags")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def tracked() -> list[Path]:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("git, or its folder, is not here")
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in names.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def test_there_are_no_drawers() -> None:
    names = [path for path in modules() if path.parent.name in DRAWERS or path.stem in DRAWERS]
    assert [str(path.relative_to(ROOT)) for path in names] == []


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_bytes().count(b"\n") for path in modules()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


def test_suppressions_are_few_and_name_what_they_suppress() -> None:
    lines = [line for path in modules() for line in path.read_text(encoding="utf-8").splitlines()]
    found = [(line.strip(), match) for line in lines if (match := SUPPRESSION.search(line))]
    assert [line for line, match in found if not match["code"] and "SUPPRESSION" not in line] == []
    assert len(found) <= max(1, len(lines) // 1000)


def test_no_tracked_file_names_this_machine_or_a_registry() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if ELSEWHERE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []


def test_what_is_public_says_what_it_is() -> None:
    silent = []
    for path, tree in trees():
        where = path.relative_to(ROOT)
        if tree.body and ast.get_docstring(tree) is None:
            silent.append(str(where))
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                short = isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno < 4
                if ast.get_docstring(node) is None and not short:
                    silent.append(f"{where}:{node.lineno}: {node.name}")
    assert silent == []


def test_every_module_of_the_hub_has_its_layer() -> None:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    layers = set(re.findall(r"[a-z_.]+", contracts["importlinter:contract:layers"]["layers"]))
    built = {f"hub.{path.stem}" for path in (ROOT / "hub").glob("*") if (path / "__init__.py").exists()}
    built |= {f"hub.{path.stem}" for path in (ROOT / "hub").glob("*.py") if path.stem != "__init__"}
    assert built - layers == set()


def decoders(tree: ast.Module) -> set[str]:
    """What a module imports by which a JSON Web Token can be decoded."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{name.name}" for name in node.names}
    return {name for name in names if re.match(r"(joserfc\.(jwt|jws|jwe)|joserfc$|authlib\.jose|jose|jwt)(\.|$)", name)}


def test_tokens_are_decoded_in_one_place() -> None:
    """joserfc and Authlib decode in several ways; one function of ours knows what to refuse."""
    found = [str(path.relative_to(ROOT)) for path, tree in trees() if decoders(tree)]
    assert found == ["sso/jwts.py"]


@pytest.mark.parametrize("line", ["from joserfc import jwt", "import joserfc.jws", "from authlib.jose import jwt"])
def test_a_second_decoder_would_be_seen(line: str) -> None:
    assert decoders(ast.parse(line))
    assert not decoders(ast.parse("from joserfc.jwk import RSAKey\nfrom sso.jwts import decode"))


def test_every_variable_is_documented() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    shipped = [path for path in modules() if path.relative_to(ROOT).parts[0] != "tests"]
    text = "".join(path.read_text(encoding="utf-8") for path in shipped)
    used = set(re.findall(r"COPHUB_[A-Z_]*[A-Z]", text))
    secrets = {name for name in used if f"{name}_".startswith("COPHUB_SECRET_")}
    assert {name for name in used - secrets if f"`{name}`" not in page} == set()
