"""Vendors' signatures, by published vectors, and where they go."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import ValidationError

from hub.errors import ConfigError
from hub.http import Clock, HttpSettings, Transport
from hub.http.signing import kingdee_sha256, md5_app_key, yonyou_nc_login, yonyou_nc_request, yonyou_nc_salt
from tests.unit.http.fake import Answer, Asked, as_json, fake

TOP = {
    "method": "taobao.item.seller.get", "app_key": "12345678", "session": "test", "timestamp": "2016-01-01 12:00:00",
    "format": "json", "v": "2.0", "sign_method": "md5", "fields": "num_iid,title,nick,price,num",
    "num_iid": "11223344",
}  # fmt: skip
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""SHA-256 of "abc": FIPS 180-2, appendix B.1."""


def test_md5_of_an_application_gives_the_example_of_taobao():
    """open.taobao.com, "Signature algorithm" (docId 101617), with the secret helloworld."""
    assert md5_app_key(TOP, "helloworld") == "66987CB115214E59E6EC978214934FB8"
    assert md5_app_key(TOP | {"empty": ""}, "helloworld") == "66987CB115214E59E6EC978214934FB8"
    assert md5_app_key(TOP | {"v": "2.1"}, "helloworld") != "66987CB115214E59E6EC978214934FB8"


def test_kingdee_sorts_what_it_hashes():
    assert kingdee_sha256(["c", "a", "b"]) == ABC
    assert kingdee_sha256(["b", "A"]) == hashlib.sha256(b"Ab").hexdigest()  # by code points, not by letters
    assert kingdee_sha256(["c", "a", "B"]) != ABC


def test_the_salt_of_nc_cloud_is_a_double_sha1():
    """MySQL's manual prints SHA-1 of SHA-1 of "mypass", as PASSWORD('mypass')."""
    printed = bytes.fromhex("6C8989366EAF75BB670AD8EA7A7FC1176A95CEF4")
    assert yonyou_nc_salt("mypass") == base64.b64encode(printed[:16]).decode()


def test_nc_cloud_signs_log_ins_with_a_salt_and_requests_without():
    assert yonyou_nc_request("a", b"b", "c") == ABC
    salted = hashlib.sha256(b"hub" + b"s3cret" + b"mypass" + yonyou_nc_salt("mypass").encode()).hexdigest()
    assert yonyou_nc_login("hub", "s3cret", "mypass") == salted
    assert yonyou_nc_login("hub", "s3cre", "tmypass") != salted


def transport(url: str, auth: dict[str, Any], **more: Any) -> Transport:
    made = HttpSettings.model_validate({"url": url, "limits": {"retries": 0}, "auth": auth, **more})
    return Transport(made, f"signing-{url}", clock=Clock(now=lambda: 1_700_000_000.0))


def test_a_log_in_to_k3cloud_sends_a_list_with_the_signature():
    auth = {
        "values": {"acctID": "5f6e", "username": "hub", "appId": "2_app", "lcid": "2052"},
        "sign": {"scheme": "kingdee_sha256", "secret": "s3cret"}, "token": "KDSVCSessionId", "header": "X-Session",
        "parameters": ["acctID", "username", "appId", "timestamp", "sign", "lcid"],
    }  # fmt: skip
    with fake(lambda asked: as_json({"KDSVCSessionId": "t"})) as server:
        transport(server.url, {"login": {"url": f"{server.url}/login", **auth}}).request("GET", "/x")
    sign = hashlib.sha256(b"17000000002_app5f6ehubs3cret").hexdigest()
    body = orjson.loads(server.asked[0].body)
    assert body == {"parameters": ["5f6e", "hub", "2_app", "1700000000", sign, "2052"]}
    assert b"s3cret" not in server.asked[0].body


def test_a_request_that_an_application_signs_has_its_sign_over_all_parameters():
    auth = {"signed": {"scheme": "md5_app_key", "secret": "helloworld"}}
    with fake(lambda asked: as_json(1)) as server:
        transport(server.url, auth).request("GET", "/rest", params=TOP)
    assert server.asked[0].params == {**TOP, "sign": "66987CB115214E59E6EC978214934FB8"}


@pytest.mark.parametrize("modern", [True, False])
def test_nc_cloud_is_logged_in_to_with_a_sealed_secret_and_each_body_is_signed(modern: bool):
    private = rsa.generate_private_key(65537, 2048)
    der = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    key = base64.b64encode(der).decode()

    def reply(asked: Asked) -> Answer:
        return as_json({"success": True, "data": {"access_token": "t", "expires_in": 1000}})

    auth = {
        "url": "", "send": "query", "values": {"grant_type": "client_credentials", "client_id": "hub"},
        "sign": {"scheme": "yonyou_nc" if modern else "yonyou_nc_old", "secret": "s3cret", "key": key},
        "token": "data.access_token", "header": "access_token",
    }  # fmt: skip
    with fake(reply) as server:
        login = {"login": auth | {"url": f"{server.url}/nccloud/opm/accesstoken"}}
        transport(server.url, login).request("POST", "/api", json={"a": "安"})
    asked, then = server.asked
    sent = {name: one for name, (one,) in parse_qs(asked.target.partition("?")[2]).items()}
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    opened = private.decrypt(base64.b64decode(sent["client_secret"]), oaep if modern else padding.PKCS1v15())
    salt = yonyou_nc_salt(key) if modern else ""
    assert (opened, asked.body) == (b"s3cret", b"")
    assert sent["signature"] == hashlib.sha256(f"hubs3cret{key}{salt}".encode()).hexdigest()
    assert then.headers["access_token"] == "t"
    assert then.headers["signature"] == hashlib.sha256(b"hub" + then.body + key.encode()).hexdigest()


def test_what_does_not_fit_is_refused():
    base = {"url": "https://x.example.com", "token": "t", "header": "h"}
    for wrong in (
        {"login": base | {"sign": {"scheme": "md5_app_key", "secret": "s"}}},
        {"login": base | {"sign": {"scheme": "yonyou_nc", "secret": "s"}}},
        {"login": base | {"send": "form", "parameters": ["a"]}},
        {"signed": {"scheme": "kingdee_sha256", "secret": "s"}},
    ):
        with pytest.raises(ValidationError):
            HttpSettings.model_validate({"url": "https://x.example.com", "auth": wrong})
    sign = {"scheme": "yonyou_nc", "secret": "s", "key": "bm9rZXk="}
    auth = base | {"url": "http://127.0.0.1:9/login", "values": {"client_id": "c"}, "sign": sign}
    with pytest.raises(ConfigError) as refused:
        transport("http://127.0.0.1:9", {"login": auth}).request("GET", "/x")
    assert refused.value.code == "auth.seal"
