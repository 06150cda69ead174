"""The reference says what the code says: generated pages are current, and nothing is left out of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from hub.bus import reference as events
from hub.cli import reference as cli
from hub.cli.app import COMMANDS
from hub.failpoints import POINTS
from hub.mapping import reference as functions
from hub.mapping.functions import FUNCTIONS
from hub.workspace import reference as files
from hub.workspace.connectors import shipped
from tests.docs.pages import DOCS, ROOT, pages
from tests.faults import matrix
from tests.house import codes, conformance, tested, threats

FILES = files.pages()
PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli.cli_page,
    "exit-codes.md": cli.exit_page,
    "functions.md": functions.page,
    "events.md": events.page,
    "codes.md": codes.page,
    "faults.md": matrix.page,
    "connectors.md": tested.page,
    "conformance.md": lambda: conformance.page(conformance.summary()),
    "threats.md": threats.page,
    **{name: partial(FILES.__getitem__, name) for name in FILES},
}
WORDS = re.findall(
    r"\w+",
    """system connector profile resource record key cursor model entity mapping exchange shadow link situation
    reaction plan change guard delivery outcome quarantine run watermark""",
)


def reference(name: str) -> str:
    return (DOCS / "reference" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    assert reference(name) == PAGES[name](), "make reference"


def test_every_command_is_documented() -> None:
    assert [name for name in COMMANDS if f"### cophub {name}\n" not in reference("cli.md")] == []


def test_every_function_is_documented() -> None:
    page = reference("functions.md")
    assert [one.name for one in FUNCTIONS.values() if not re.search(rf"### `.*\b{one.name}\b", page)] == []


def test_every_failpoint_is_documented() -> None:
    assert [name for name in POINTS if f"| `{name}` |" not in reference("failpoints.md")] == []


def test_every_connector_and_profile_is_documented() -> None:
    connectors = shipped()
    told = "".join(reference(f"connector-{name}.md") for name in connectors.connectors())
    assert [name for name in connectors.profiles() if f"## Profile {name}: " not in told] == []


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every table's rows."""
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_every_row_of_the_fault_matrix_names_tests_that_exist_and_forty_are_automated() -> None:
    """A mark that the static reader takes for a test is a test that pytest knows."""
    found: dict[int, list[str]] = {}
    for proof in matrix.proofs():
        assert re.search(rf"^def {proof.name}\(", (ROOT / proof.path).read_text("utf-8"), re.MULTILINE)
        found.setdefault(proof.number, []).append(proof.node)
    assert found.keys() <= matrix.FAULTS.keys()
    assert len(found) >= 40


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_setting_says_what_it_means(name: str) -> None:
    meaning = 1 if name == "failpoints.md" else 3
    assert [cells[0] for cells in rows(reference(name)) if not cells[meaning]] == []


def test_every_variable_is_documented_and_nothing_else() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8")
        for package in ("hub", "connectors", "sso", "bench")
        for path in (ROOT / package).rglob("*.py")
    )
    used = set(re.findall(r"COPHUB_[A-Z_]*[A-Z]", sources))
    told = {cells[0].strip("`") for cells in rows(reference("variables.md"))}
    secrets = {name for name in used | told if f"{name}_".startswith("COPHUB_SECRET_")}
    assert used - secrets == told - secrets


def test_the_words_of_the_house_are_in_the_glossary() -> None:
    told = set(re.findall(r"^\| ([^|]+) \|", reference("glossary.md"), re.MULTILINE))
    assert set(WORDS) - {word.strip() for line in told for word in line.split(",")} == set()


def test_codes_that_pages_speak_of_exist() -> None:
    there = set(codes.collect())
    groups = {code.partition(".")[0] for code in there}
    spoken = {
        (page.name, code)
        for page in pages()
        if page.parent.name != "reference"
        for code in re.findall(r"[`\[]([a-z]+\.[a-z_]+)[`\]]", page.read_text(encoding="utf-8"))
        if code.partition(".")[0] in groups
    }
    assert {(page, code) for page, code in spoken if code not in there} == set()
    assert ("several-sources.md", "field.contended") in spoken
