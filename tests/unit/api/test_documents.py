"""/v1/documents: whole, in ranges, once only, and never as a page."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stores import SqliteStore
from tests.unit.api.conftest import Served

TEXT = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
MODEL = """
    model: paper
    level: L1
    key: [code]
    fields:
      code: {type: text, required: true, unique: true}
      content: {type: content, required: true, level: L3}
      cover: {type: text}
"""
OPEN = MODEL.replace("model: paper", "model: leaflet").replace(", level: L3", "")
IN = """
    mapping: {model}s
    from: share.docs
    into: {model}
    match: [[code]]
    fields: {{code: path, content: content}}
    unmatched: create
"""
ROLES = """
    roles:
      clerk: {sees: L4, models: [paper]}
    actors:
      "key:clerk": [clerk]
"""


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    made = Served(tmp_path_factory.mktemp("papers") / "w", SqliteStore())
    made.write("config/hub.yaml", "hub: test\napi: {rate: 100000, burst: 100000}")
    made.write("config/roles.yaml", ROLES)
    share = made.folder / "share"
    share.mkdir()
    (share / "Plan ä.svg").write_text(TEXT)
    made.write(
        "config/systems/share.yaml",
        f"system: share\nconnector: documents\nurl: {share}\nresources:\n  docs: {{settle: 0s}}\n",
    )
    for model in (MODEL, OPEN):
        made.model(model)
    for name in ("paper", "leaflet"):
        made.mapping(IN.format(model=name))
        made.run(f"{name}s", initial=True)
    made.serve()
    yield made
    made.close()


def place(papers: Served, model: str, headers: dict[str, str]) -> str:
    [one] = papers.client.get(f"/v1/documents/{model}", headers=headers).json()["items"]
    return f"/v1/documents/{model}/{one['id']}/content"


def test_a_document_is_had_whole_in_ranges_and_once(papers: Served) -> None:
    headers = papers.key("whole", "entities:read")
    url = place(papers, "leaflet", headers)
    whole = papers.client.get(url, headers=headers)
    assert (whole.status_code, whole.text) == (200, TEXT)
    again = papers.client.get(url, headers=headers | {"if-none-match": whole.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for asked, part in (("bytes=0-3", TEXT[:4]), ("bytes=-4", TEXT[-4:]), ("bytes=50-", TEXT[50:])):
        got = papers.client.get(url, headers=headers | {"range": asked})
        assert (got.status_code, got.text) == (206, part)
        assert got.headers["content-range"].endswith(f"/{len(TEXT)}")
    other = papers.client.get(url, headers=headers | {"range": "bytes=0-3", "if-range": '"older"'})
    assert (other.status_code, other.text) == (200, TEXT)
    outside = papers.client.get(url, headers=headers | {"range": "bytes=999-"})
    assert (outside.status_code, outside.json()["code"]) == (416, "range.outside")


def test_a_hostile_document_is_saved_and_never_a_page(papers: Served) -> None:
    headers = papers.key("hostile", "entities:read")
    got = papers.client.get(place(papers, "leaflet", headers), headers=headers).headers
    assert got["content-type"] == "application/octet-stream"
    assert got["x-content-type-options"] == "nosniff"
    assert "sandbox" in got["content-security-policy"]
    assert got["content-disposition"] == "attachment; filename=\"Plan__.svg\"; filename*=UTF-8''Plan%20%C3%A4.svg"


def test_a_classified_content_needs_a_reason_and_a_role(papers: Served) -> None:
    plain, clerk = papers.key("plain", "entities:read"), papers.key("clerk", "entities:read")
    url = place(papers, "paper", plain)
    listing = papers.client.get("/v1/documents/paper", headers=plain).json()["items"][0]
    assert listing["values"]["content"] == "***"
    assert listing["contents"]["content"]["size"] is None
    assert papers.client.get(url, headers=plain).json()["code"] == "document.classified"
    assert papers.client.get(f"{url}?unmask_reason=The+auditor+asks", headers=plain).status_code == 403
    assert papers.client.get(f"{url}?unmask_reason=The+auditor+asks", headers=clerk).text == TEXT


def test_what_the_key_may_not_see_is_not_there(papers: Served) -> None:
    within = papers.key("within", "entities:read", models=["paper"])
    assert [one["model"] for one in papers.client.get("/v1/documents", headers=within).json()["items"]] == ["paper"]
    assert papers.client.get("/v1/documents/leaflet", headers=within).status_code == 404


def test_every_route_needs_a_key_and_its_grant(papers: Served) -> None:
    good, bad = papers.key("good", "entities:read"), papers.key("bad", "events:write")
    for path in ("/v1/documents", "/v1/documents/leaflet", place(papers, "leaflet", good)):
        asked = [papers.client.get(path, headers=headers).status_code for headers in ({}, bad, good)]
        assert asked == [401, 403, 200], path
