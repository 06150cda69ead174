"""The page of threats names tests that are there; rules of the house that are such tests."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.codes import ROOT, trees
from tests.house.threats import THREATS, missing
from tests.house.threats_later import Threat

PARSERS = re.compile(
    r"(xml\.(etree|dom|sax(?!\.saxutils))|defusedxml|xmltodict|bs4|html5lib)\b"
    r"|(lxml\.)?etree\.(fromstring|parse|iterparse|XML|HTML|XMLParser|XMLPullParser|XSLT|XInclude)$"
)


@pytest.mark.parametrize("threat", THREATS, ids=lambda one: str(THREATS.index(one) + 1))
def test_the_proofs_of_a_threat_are_there(threat: Threat) -> None:
    assert threat.proofs
    assert missing(threat) == []


def test_there_are_as_many_threats_as_were_counted_and_few_wait_for_a_feature() -> None:
    assert len(THREATS) == len({one.name for one in THREATS}) == 29
    assert len([one for one in THREATS if one.void]) <= 2


def test_a_proof_that_is_gone_would_be_seen() -> None:
    gone = Threat("", "", {"unit/house/test_threats.py": "test_nothing", "unit/none.py": "test_x"})
    assert missing(gone) == ["unit/house/test_threats.py::test_nothing", "unit/none.py::test_x"]


def parsers(tree: ast.Module) -> set[str]:
    """What a module uses by which XML is parsed."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {f"{name.name}." for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Attribute):
            names.add(ast.unparse(node))
    return {name for name in names if PARSERS.match(name)}


def test_xml_is_parsed_in_one_place() -> None:
    found = {str(path.relative_to(ROOT)): parsers(tree) for path, tree in trees() if parsers(tree)}
    assert list(found) == ["hub/untrusted.py"], found


@pytest.mark.parametrize(
    "line",
    ["from xml.etree.ElementTree import fromstring", "import xml.dom.minidom", "from lxml.etree import parse",
     "from lxml import etree\netree.fromstring(b'')"],
)  # fmt: skip
def test_a_second_parser_would_be_seen(line: str) -> None:
    assert parsers(ast.parse(line))
    assert not parsers(ast.parse("from xml.sax.saxutils import escape\nfrom lxml import etree\netree.SubElement"))
