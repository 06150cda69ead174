"""A person logs in at a client through the hub: code, token, userinfo; who may not, and what is refused."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

import pytest

from tests.unit.provider.conftest import CALLBACK, ISSUER, Office, Rp


def test_the_code_flow_works_from_the_request_to_the_claims(office: Office) -> None:
    rp = Rp(office)
    token = rp.tokens(scope="openid profile email")
    claims = rp.claims(token)
    told = rp.userinfo(token["access_token"]).json()
    assert (told["name"], told["preferred_username"], told["email"]) == ("李娜", "lina", "li@example.com")
    assert told["email_verified"] is True
    assert told["sub"] == claims["sub"]
    assert "phone_number" not in told


def test_who_is_logged_in_is_not_asked_again(office: Office) -> None:
    rp = Rp(office)
    rp.code()
    answer = rp.authorize(prompt="none")
    assert "code" in rp.given(answer)


@pytest.mark.parametrize(
    "more",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge": None},
    ],
)
def test_no_client_goes_without_s256(office: Office, more: dict[str, Any]) -> None:
    for client in ("oa", "app"):
        rp = Rp(office, client, CALLBACK if client == "oa" else "http://127.0.0.1/callback")
        assert rp.given(rp.authorize(**more))["error"] == "invalid_request"


@pytest.mark.parametrize("verifier", ["x" * 43, None])
def test_another_verifier_redeems_nothing(office: Office, verifier: str | None) -> None:
    rp = Rp(office)
    answer = rp.redeem(rp.code(), code_verifier=verifier)
    assert answer.status_code == 400
    assert answer.json()["error"] in ("invalid_grant", "invalid_request")


@pytest.mark.parametrize(
    "address",
    ["https://oa.example.com/callback/", "https://oa.example.com/callback?x=1", "https://evil.example/callback", ""],
)
def test_a_browser_is_sent_to_registered_addresses_only(office: Office, address: str) -> None:
    rp = Rp(office)
    page = rp.authorize(redirect_uri=address or None)
    assert page.status_code == 422
    assert ("sso.request" in page.text, "(redirect_uri)" in page.text) == (True, True)


def test_the_page_of_a_request_that_goes_nowhere_says_why(office: Office) -> None:
    rp = Rp(office)
    wrong = {
        "client_id": "/sso/authorize?client_id=nobody",
        "post_logout_redirect_uri": "/sso/logout?client_id=oa&post_logout_redirect_uri=https://evil.example",
        "id_token_hint": "/sso/logout?client_id=oa&id_token_hint=a.b.c",
        "under cas": "/sso/cas/login?service=https://evil.example/",
        "does not know of it": "/portal/sso/refused?error=%3Cb%3Eany",
    }
    pages = {why: rp.follow(rp.browser.client.get(place)) for why, place in wrong.items()}
    told = {why: (page.status_code, why in page.text, "<b>" in page.text) for why, page in pages.items()}
    assert told == dict.fromkeys(wrong, (422, True, False))
    chinese = rp.browser.client.get("/portal/sso/refused?error=client", headers={"accept-language": "zh-CN"})
    assert "未登记该应用" in chinese.text


@pytest.mark.parametrize(
    "claims",
    [
        '{"userinfo": {"name": {"value": NaN}}, "id_token": {"acr": {"essential": true, "value": 1e999}}}',
        '{"id_token": {"acr": {"essential": true, "values": 5}}}',
        '{"id_token": {"sub": {"value": ["x"]}}}',
        '{"id_token": {"sub": {"value": {"a": 1}}}}',
    ],
)
def test_values_of_claims_that_are_none_are_refused(office: Office, claims: str) -> None:
    rp = Rp(office)
    assert rp.given(rp.authorize(claims=claims))["error"] == "invalid_request"


def test_of_claims_that_are_asked_for_only_the_names_are_kept(office: Office) -> None:
    """PostgreSQL takes no number that JSON has not."""
    rp = Rp(office)
    assert rp.authorize(claims='{"userinfo": {"name": {"value": NaN}, "email": 1e999}}').status_code == 200
    ((kept,),) = office.rows("SELECT asked FROM sso_ask")
    assert ("NaN" in kept, "Infinity" in kept, '"email"' in kept) == (False, False, True)


def test_a_proof_that_is_no_text_is_none(office: Office) -> None:
    form, proof = {"grant_type": "refresh_token"}, {"authorization": "Basic //8="}
    answer = office.client.post("/sso/token", data=form, headers=proof)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


def test_who_has_no_account_in_the_clients_system_meets_a_page_that_says_so(office: Office) -> None:
    rp = Rp(office)
    page = rp.login(rp.authorize(), "wang.wei")
    assert page.status_code == 403
    assert "sso.account" in page.text
    assert rp.given(rp.authorize(prompt="none"))["error"] == "access_denied"


def test_a_person_agrees_before_a_client_learns_of_him(office: Office) -> None:
    rp = Rp(office, "post")
    page = rp.login(rp.authorize(scope="openid profile"), "wang.wei")
    assert page.status_code == 200
    assert "your name" in page.text
    assert rp.given(rp.authorize(scope="openid profile", prompt="none"))["error"] == "consent_required"
    assert "code" in rp.given(rp.press(page, "/portal/sso/ask", agree="yes"))
    again = rp.given(rp.authorize(scope="openid profile", prompt="none"))
    claims = rp.claims(rp.redeem(again["code"]).json())
    assert claims["name"] == "Wang Wei"
    page = rp.authorize(scope="openid profile", prompt="consent")
    assert rp.given(rp.press(page, "/portal/sso/ask", agree="no"))["error"] == "access_denied"


def test_the_issuer_is_never_taken_from_a_request(office: Office) -> None:
    found = office.client.get("/sso/.well-known/openid-configuration", headers={"host": "evil.example"})
    assert "evil" not in found.text
    assert found.json()["issuer"] == ISSUER
    answer = office.client.get("/sso/authorize", headers={"host": "evil.example"}, follow_redirects=False)
    assert answer.headers["location"].startswith("/portal/")


def test_a_code_waits_for_a_minute_only(office: Office) -> None:
    rp = Rp(office)
    code = rp.code()
    office.ahead = dt.timedelta(minutes=2)
    assert rp.redeem(code).json()["error"] == "invalid_grant"


def test_a_code_of_one_client_is_nothing_to_another(office: Office) -> None:
    rp, other = Rp(office), Rp(office, "post")
    code = rp.code()
    other.verifier = rp.verifier
    assert other.redeem(code).json()["error"] == "invalid_grant"
    assert rp.redeem(code).status_code == 200


def test_a_client_proves_itself_as_its_file_says_and_in_one_way(office: Office) -> None:
    rp = Rp(office)
    code = rp.code()
    rp.auth = "client_secret_post"
    assert rp.redeem(code).json()["error"] == "invalid_client"
    rp.auth = "none"
    assert rp.redeem(code).json()["error"] == "invalid_client"
    rp.auth = "client_secret_basic"
    assert rp.redeem(code, client_secret="x").json()["error"] == "invalid_request"
    right, rp.secret = rp.secret, "wrong"
    refused = rp.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert "its secret is another" in refused.json()["error_description"]
    rp.secret = right
    assert rp.redeem(code).status_code == 200


def test_the_former_secret_holds_for_a_day(office: Office) -> None:
    rp = Rp(office)
    former, rp.secret = rp.secret, office.secret("oa")
    assert rp.redeem(rp.code()).status_code == 200
    rp.secret = former
    assert rp.redeem(rp.code()).status_code == 200
    office.ahead = dt.timedelta(days=2)
    assert rp.ask("introspect", token="x").status_code == 401


def test_nothing_secret_is_logged_or_stored(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    rp = Rp(office)
    code = rp.code(scope="openid offline_access")
    token = rp.redeem(code).json()
    rp.refresh(token["refresh_token"])
    secrets = [code, token["access_token"], token["refresh_token"], rp.secret, token["id_token"].split(".")[2]]
    kept = (office.folder / ".cophub" / "hub.sqlite").read_bytes()
    kept += b"".join(one.read_bytes() for one in (office.folder / ".cophub").glob("hub.sqlite-wal"))
    for text in secrets:
        assert text not in caplog.text
        assert text.encode() not in kept


@pytest.mark.parametrize("more", [{"max_age": "60"}, {"prompt": "login"}])
def test_a_session_is_as_old_as_the_proof_of_its_owner(office: Office, more: dict[str, Any]) -> None:
    """It began just now, by a provider that had seen him long before."""
    rp = Rp(office)
    rp.code()
    long_ago = (office.provider.now() - dt.timedelta(hours=2)).replace(tzinfo=None, microsecond=0)
    for proven_at in (f"'{long_ago.isoformat(sep=' ')}.000000'", "NULL"):
        office.ahead += dt.timedelta(seconds=1)
        with office.open_hub.hub.database.begin() as connection:
            connection.exec_driver_sql(f"UPDATE session SET proven_at = {proven_at}")
        page = rp.authorize(**more)
        assert 'name="password"' in page.text
        assert "code" in rp.given(rp.authorize(prompt="none"))
        assert rp.given(rp.authorize(prompt="none", max_age="60"))["error"] == "login_required"
        claims = rp.claims(rp.redeem(rp.given(rp.authorize(prompt="none"))["code"]).json())
        told = int(long_ago.replace(tzinfo=dt.UTC).timestamp())
        assert claims.get("auth_time") == (None if proven_at == "NULL" else told)
    assert "code" in rp.given(rp.login(page))
