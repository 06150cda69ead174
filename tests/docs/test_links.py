"""Links within the documentation lead somewhere, and every page can be reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, pages, prose

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", one.lower())).strip("-") for one in headings}


def targets(page: Path) -> list[tuple[str, Path, str]]:
    found = []
    for link in LINK.findall(prose(page)):
        if not link.startswith(("http:", "https:", "mailto:")):
            place, _, anchor = link.partition("#")
            found.append((link, (page.parent / place).resolve() if place else page, anchor))
    return found


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = [
        link
        for link, path, anchor in targets(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]
    assert dead == []


def test_every_page_can_be_reached_from_the_first() -> None:
    reached, ahead = set(), [DOCS / "index.md"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            ahead += [path for _, path, _ in targets(page)]
    assert set(DOCS.rglob("*.md")) - reached == set()


def test_pages_of_the_site_link_only_within_it() -> None:
    outside = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in DOCS.rglob("*.md")
        for link, path, _ in targets(page)
        if not path.is_relative_to(DOCS)
    ]
    assert outside == []
