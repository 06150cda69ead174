"""Pages of other origins: those that config/hub.yaml names, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from hub.workspace.hooks import Api
from tests.stores import SqliteStore
from tests.unit.api.conftest import Served

DASH = "https://dash.example.com"


def test_pages_of_named_origins_may_ask_and_those_of_others_may_not(tmp_path: Path):
    served = Served(tmp_path / "w", SqliteStore())
    served.begin(f"api: {{cors: ['{DASH}']}}")
    client = served.serve()
    preflight = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    answer = client.options("/v1/models", headers={"origin": DASH, **preflight})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, DASH)
    assert "authorization" in answer.headers["access-control-allow-headers"]
    asked = client.get("/v1/models", headers={"origin": DASH} | served.key("dash", "entities:read"))
    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, DASH)
    assert "etag" in asked.headers["access-control-expose-headers"]
    refused = client.get("/v1/models", headers={"origin": DASH})  # without a key its page can read why
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, DASH)
    for other in ("https://evil.example.com", "http://dash.example.com", f"{DASH}.evil.com", "null"):
        answer = client.options("/v1/models", headers={"origin": other, **preflight})
        assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (400, None), other
        asked = client.get("/v1/models", headers={"origin": other})
        assert "access-control-allow-origin" not in asked.headers
    assert "access-control-allow-credentials" not in {*refused.headers, *asked.headers}
    served.close()


@pytest.mark.parametrize("wrong", ["*", "https://*.example.com", "dash.example.com", f"{DASH}/", "null", "file://x"])
def test_an_origin_is_one_and_exact(wrong: str):
    with pytest.raises(ValidationError, match="is no origin"):
        Api(cors=[wrong])
