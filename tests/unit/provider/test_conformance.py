"""The modules of the OpenID conformance suite's plans for providers, ported: each test is a module, by its name there.

All requests carry PKCE, which the provider demands of everybody; the suite itself sends it in one module only.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.unit.provider.conftest import BYE, CALLBACK, ISSUER, Office, Rp

BASIC, CONFIG = "oidcc-basic-certification-test-plan", "oidcc-config-certification-test-plan"
LOGOUT = "oidcc-rp-initiated-logout-certification-test-plan"
HAPPY: dict[str, dict[str, Any]] = {
    "oidcc-server": {},
    "oidcc-ensure-request-without-nonce-succeeds-for-code-flow": {"nonce": None},
    "oidcc-ensure-request-with-unknown-parameter-succeeds": {"extra": "foobar"},
    "oidcc-ensure-request-with-acr-values-succeeds": {"acr_values": "urn:x urn:y"},
    "oidcc-ensure-request-with-valid-pkce-succeeds": {},
    "oidcc-display-page": {"display": "page"},
    "oidcc-display-popup": {"display": "popup"},
    "oidcc-ui-locales": {"ui_locales": "se"},
    "oidcc-claims-locales": {"claims_locales": "se"},
    "oidcc-login-hint": {"login_hint": "li.na"},
    "oidcc-alternate-happy-flow": {"redirect_uri": "https://oa.example.com/other?x=1"},
}


def suite(plan: str, *names: str) -> Any:
    return [pytest.param(name, marks=pytest.mark.suite(plan, name), id=name) for name in names]


def modified(token: str) -> str:
    """With another signature."""
    head, body, signature = token.split(".")
    return f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


@pytest.mark.parametrize("module", suite(BASIC, *HAPPY))
def test_a_log_in_succeeds(office: Office, module: str) -> None:
    more = HAPPY[module]
    rp = Rp(office, callback=more.get("redirect_uri", CALLBACK))
    claims = rp.claims(rp.tokens(**more), nonce="nonce" not in more)
    assert claims["aud"] == "oa"
    assert claims["auth_time"] <= claims["iat"] < claims["exp"]
    assert ("nonce" in claims) == ("nonce" not in more)


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-response-type-missing"))
def test_a_request_without_response_type_is_refused(office: Office, module: str) -> None:
    rp = Rp(office)
    assert "error" in rp.given(rp.authorize(response_type=None))


@pytest.mark.parametrize(
    "module", suite(BASIC, "oidcc-userinfo-get", "oidcc-userinfo-post-header", "oidcc-userinfo-post-body")
)
def test_userinfo_answers(office: Office, module: str) -> None:
    rp = Rp(office)
    token = rp.tokens()
    text, headers = token["access_token"], {"authorization": f"Bearer {token['access_token']}"}
    told = {
        "oidcc-userinfo-get": lambda: office.client.get("/sso/userinfo", headers=headers),
        "oidcc-userinfo-post-header": lambda: office.client.post("/sso/userinfo", headers=headers),
        "oidcc-userinfo-post-body": lambda: office.client.post("/sso/userinfo", data={"access_token": text}),
    }[module]()
    assert told.json()["sub"] == rp.claims(token)["sub"]


SCOPES = {"profile": {"name", "preferred_username"}, "email": {"email", "email_verified"},
          "phone": {"phone_number"}, "address": {"address"}}  # fmt: skip


@pytest.mark.parametrize("module", suite(BASIC, *(f"oidcc-scope-{one}" for one in (*SCOPES, "all"))))
def test_a_scope_gives_its_claims(office: Office, module: str) -> None:
    asked = list(SCOPES) if module.endswith("all") else [module.rpartition("-")[2]]
    rp = Rp(office)
    token = rp.tokens(scope=" ".join(["openid", *asked]))
    told = rp.userinfo(token["access_token"]).json()
    assert set(told) == {"sub", "number"} | {name for one in asked for name in SCOPES[one]}


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-prompt-login", "oidcc-max-age-1"))
def test_a_client_may_ask_for_a_log_in_anew(office: Office, module: str) -> None:
    rp = Rp(office)
    first = rp.claims(rp.tokens())
    office.ahead = dt.timedelta(seconds=3)
    more: dict[str, Any] = {"prompt": "login"} if module.endswith("login") else {"max_age": "1"}
    page = rp.authorize(**more)
    again = rp.claims(rp.redeem(rp.given(rp.login(page))["code"]).json())
    assert again["auth_time"] > first["auth_time"]
    assert again["sub"] == first["sub"]


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-prompt-none-not-logged-in"))
def test_nobody_is_asked_where_the_client_says_so(office: Office, module: str) -> None:
    rp = Rp(office)
    assert rp.given(rp.authorize(prompt="none"))["error"] == "login_required"


@pytest.mark.parametrize(
    "module", suite(BASIC, "oidcc-prompt-none-logged-in", "oidcc-max-age-10000", "oidcc-id-token-hint")
)
def test_who_is_logged_in_goes_on_silently(office: Office, module: str) -> None:
    rp = Rp(office)
    token = rp.tokens()
    first = rp.claims(token)
    more: dict[str, Any] = {"prompt": "none"} | ({"max_age": "10000"} if "max-age" in module else {})
    more |= {"id_token_hint": token["id_token"]} if "hint" in module else {}
    again = rp.claims(rp.redeem(rp.given(rp.authorize(**more))["code"]).json())
    assert (again["sub"], again["auth_time"]) == (first["sub"], first["auth_time"])


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-codereuse", "oidcc-codereuse-30seconds"))
def test_a_code_that_comes_twice_ends_what_came_of_it(office: Office, module: str) -> None:
    rp = Rp(office)
    code = rp.code()
    token = rp.redeem(code).json()
    office.ahead = dt.timedelta(seconds=30 if "30" in module else 0)
    assert rp.redeem(code).json()["error"] == "invalid_grant"
    assert rp.userinfo(token["access_token"]).status_code == 401


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-ensure-registered-redirect-uri"))
def test_an_address_that_is_not_registered_gets_nothing(office: Office, module: str) -> None:
    page = Rp(office).authorize(redirect_uri="https://oa.example.com/foo")
    assert page.status_code == 422
    assert "location" not in page.headers


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-ensure-post-request-succeeds"))
def test_a_request_may_come_by_post(office: Office, module: str) -> None:
    rp = Rp(office)
    code = rp.given(rp.login(rp.authorize(post=True)))["code"]
    assert rp.redeem(code).status_code == 200


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-server-client-secret-post"))
def test_a_client_may_send_its_secret_in_the_body(office: Office, module: str) -> None:
    rp = Rp(office, "post")
    page = rp.login(rp.authorize())
    code = rp.given(rp.press(page, "/portal/sso/ask", agree="yes"))["code"]
    assert rp.claims(rp.redeem(code).json())["aud"] == "post"


@pytest.mark.parametrize(
    "module",
    suite(
        BASIC,
        "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported",
        "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported",
        "oidcc-ensure-request-object-with-redirect-uri",
    ),
)
def test_request_objects_are_refused_as_what_they_are(office: Office, module: str) -> None:
    name = "request_uri" if "request-uri" in module else "request"
    body = base64.urlsafe_b64encode(json.dumps({"redirect_uri": "https://evil.example/"}).encode()).decode().rstrip("=")
    rp = Rp(office)
    text = "https://oa.example.com/request" if name == "request_uri" else f"eyJhbGciOiJub25lIn0.{body}."
    more: dict[str, Any] = {name: text}
    assert rp.given(rp.authorize(**more))["error"] == f"{name}_not_supported"


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-claims-essential"))
def test_claims_may_be_asked_for_by_name(office: Office, module: str) -> None:
    rp = Rp(office)
    asked = json.dumps({"userinfo": {"name": {"essential": True}}, "id_token": {"email": None}})
    token = rp.tokens(claims=asked)
    assert rp.userinfo(token["access_token"]).json()["name"] == "李娜"
    assert rp.claims(token)["email"] == "li@example.com"


@pytest.mark.parametrize("module", suite(BASIC, "oidcc-refresh-token"))
def test_a_refresh_token_gives_the_next_one(office: Office, module: str) -> None:
    rp = Rp(office)
    token = rp.tokens(scope="openid offline_access")
    second = rp.refresh(token["refresh_token"]).json()
    assert second["refresh_token"] != token["refresh_token"]
    first, again = rp.claims(token), rp.claims(second, nonce=False)
    assert all(first[name] == again[name] for name in ("iss", "sub", "aud", "auth_time"))
    other = Rp(office, "app", "http://127.0.0.1/callback")
    assert other.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("module", suite(CONFIG, "oidcc-discovery-endpoint-verification"))
def test_discovery_says_what_there_is(office: Office, module: str) -> None:
    found = office.client.get("/sso/.well-known/openid-configuration").json()
    assert found["issuer"] == ISSUER
    assert "none" not in found["id_token_signing_alg_values_supported"]
    keys = office.client.get(found["jwks_uri"].removeprefix("https://hub.example")).json()["keys"]
    assert keys
    assert all({"kid", "n", "e"} <= set(one) and "d" not in one for one in keys)


# ------------------------------------------------------------ log-out


def leave(rp: Rp, **asked: str | None) -> Any:
    return rp.follow(rp.browser.client.get(f"/sso/logout?{urlencode({k: v for k, v in asked.items() if v})}"))


def is_in(rp: Rp) -> bool:
    return "code" in rp.given(rp.authorize(prompt="none"))


@pytest.mark.parametrize(
    "module",
    suite(
        LOGOUT,
        "oidcc-rp-initiated-logout",
        "oidcc-rp-initiated-logout-no-state",
        "oidcc-rp-initiated-logout-no-post-logout-redirect-uri",
    ),
)
def test_a_client_ends_the_session(office: Office, module: str) -> None:
    rp = Rp(office)
    token = rp.tokens()
    to = None if "no-post" in module else BYE
    state = None if "no-state" in module else "x y"
    page = leave(rp, id_token_hint=token["id_token"], post_logout_redirect_uri=to, state=state)
    if to:
        assert page.headers["location"].startswith(BYE)
        assert dict(parse_qsl(urlsplit(page.headers["location"]).query)) == ({"state": "x y"} if state else {})
    else:
        assert "You are logged out" in page.text
    assert not is_in(rp)
    assert rp.userinfo(token["access_token"]).status_code == 401


@pytest.mark.parametrize("module", suite(LOGOUT, "oidcc-rp-initiated-logout-discovery-endpoint-verification"))
def test_discovery_tells_of_log_out(office: Office, module: str) -> None:
    found = office.client.get("/sso/.well-known/openid-configuration").json()
    assert found["end_session_endpoint"] == f"{ISSUER}/logout"


REFUSED: dict[str, dict[str, str | None]] = {
    "bad-post-logout-redirect-uri": {"post_logout_redirect_uri": "https://evil.example/"},
    "query-added-to-post-logout-redirect-uri": {"post_logout_redirect_uri": f"{BYE}?foo=bar"},
    "modified-id-token-hint": {"id_token_hint": "modified"},
    "bad-id-token-hint": {"id_token_hint": "bad"},
    "no-id-token-hint": {"id_token_hint": None},
}


@pytest.mark.parametrize("module", suite(LOGOUT, *(f"oidcc-rp-initiated-logout-{one}" for one in REFUSED)))
def test_what_is_not_right_ends_nothing_and_leads_nowhere(office: Office, module: str) -> None:
    rp = Rp(office)
    token = rp.tokens()["id_token"]
    more = {**REFUSED[module.removeprefix("oidcc-rp-initiated-logout-")]}
    if more.get("id_token_hint"):
        more["id_token_hint"] = modified(token) if more["id_token_hint"] == "modified" else "bad"
    asked: dict[str, str | None] = {"id_token_hint": token, "post_logout_redirect_uri": BYE, "state": "x"}
    page = leave(rp, **(asked | more))
    assert page.status_code == 422
    assert is_in(rp)


@pytest.mark.parametrize(
    "module", suite(LOGOUT, "oidcc-rp-initiated-logout-no-params", "oidcc-rp-initiated-logout-only-state")
)
def test_without_a_hint_the_person_is_asked(office: Office, module: str) -> None:
    rp = Rp(office)
    rp.tokens()
    page = leave(rp, state="x" if "state" in module else None)
    assert "An application asks to log you out" in page.text
    assert is_in(rp)
    rp.press(page, "/portal/sso/logout")
    assert not is_in(rp)
