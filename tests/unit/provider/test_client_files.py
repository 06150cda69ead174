"""What ``cophub check`` finds in files of clients: each flaw alone, at its place."""

from __future__ import annotations

import pytest

from tests.unit.cli.desk import Desk as Line
from tests.unit.provider.conftest import Office

GOOD = {
    "redirect_uris": '["https://x.example.com/back"]', "grants": "[authorization_code]", "scopes": "[openid, profile]",
    "claims": "{name: name}", "level": "L2",
}  # fmt: skip
FLAWS: dict[str, tuple[dict[str, str], str]] = {
    "nowhere to go back": ({"redirect_uris": "[]"}, "client.redirect"),
    "a wildcard": ({"redirect_uris": '["https://*.example.com/back"]'}, "client.redirect"),
    "plain http": ({"redirect_uris": '["http://x.example.com/back"]'}, "client.plain"),
    "a public client as itself": ({"auth": "none", "grants": "[client_credentials]", "claims": "{}"}, "client.public"),
    "a refresh of nothing": (
        {"grants": "[client_credentials, refresh_token]", "scopes": "[read]", "claims": "{}"}, "client.grants",
    ),
    "an exchange with nobody": ({"grants": "[authorization_code, token_exchange]"}, "client.grants"),
    "no openid": ({"scopes": "[profile]"}, "client.scopes"),
    "no openid of a device": ({"grants": "[device_code]", "scopes": "[profile]", "claims": "{}"}, "client.scopes"),
    "a claim that no scope asks for": ({"scopes": "[openid]"}, "client.scopes"),
    "a claim of the provider": ({"claims": "{sub: name}"}, "client.claim"),
    "an account without a system": ({"claims": "{preferred_username: account}"}, "client.claim"),
    "a field that is not there": ({"claims": "{name: nmae}"}, "reference.field"),
    "a field above its level": ({"claims": "{name: phone}"}, "client.level"),
    "a system that is not there": ({"system": "ao"}, "reference.system"),
    "a device that is a flow of its own": ({"grants": "[device_code, refresh_token]", "redirect_uris": "[]"}, ""),
}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_check_finds(office: Office, flaw: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPHUB_STORE", office.store)
    changed, code = FLAWS[flaw]
    path = office.folder / "config" / "clients" / "x.yaml"
    path.write_text("".join(f"{name}: {text}\n" for name, text in ({"client": "x"} | GOOD | changed).items()), "utf-8")
    try:
        said = Line(office.folder).cophub("check", "--json").json
    finally:
        path.unlink()
    mine = [one for one in said["findings"] if one["path"].endswith("clients/x.yaml")]
    found = [one["code"] for one in mine if one["level"] == "error"]
    assert found == ([code] if code else [])
