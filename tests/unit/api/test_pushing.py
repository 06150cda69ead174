"""Events that are pushed in: proven, stored, answered, and then applied by the worker."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from hub.bus import signature
from hub.bus.drain import Drain
from tests.stores import SqliteStore
from tests.unit.api.conftest import Served
from tests.unit.bus.busworld import event, supplier
from tests.unit.bus.hook import SECRET

PLACE = "/v1/events/erp/suppliers"


@pytest.fixture
def pushed(tmp_path: Path):
    """A system that declares how it proves itself: ``pushed(push)``."""
    made: list[Served] = []

    def build(push: str) -> Served:
        one = Served(tmp_path / f"w{len(made)}", SqliteStore())
        one.variables["COPHUB_SECRET_ERP_PUSH"] = SECRET
        one.variables["COPHUB_SECRET_ERP_NEW"] = SECRET.replace("M", "N")
        one.begin()
        path = one.folder / "config/systems/erp.yaml"
        path.write_text(path.read_text() + f"\npush: {push}\n")
        one.serve()
        made.append(one)
        return one

    yield build
    for one in made:
        one.close()


def drained(served: Served) -> None:
    with served.opened() as opened:
        drain = Drain(opened.hub, print, lambda: False)
        while drain.turn():
            pass
        drain.close()


def post(served: Served, body: bytes, **headers: str) -> Any:
    return served.client.post(PLACE, content=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_a_signed_event_is_stored_answered_and_applied(pushed):
    served = pushed("{secret: secret://erp/push}")
    body = event(1)
    headers = signature.signed([SECRET], "m1", int(served.open_hub.hub.clock().timestamp()), body)
    first = served.client.post(PLACE, content=body, headers=headers)
    assert (first.status_code, first.json()) == (202, {"new": 1, "repeated": 0})
    assert served.client.post(PLACE, content=body, headers=headers).json() == {"new": 0, "repeated": 1}
    drained(served)
    assert served.golden("supplier")["1"]["name"] == "S1 v1"


def test_what_is_not_proven_is_not_read(pushed):
    served = pushed("{secret: secret://erp/push}")
    now = int(served.open_hub.hub.clock().timestamp())
    good = signature.signed([SECRET], "m1", now, event(1))
    tries = {
        "webhook.unsigned": ({}, event(1)),
        "webhook.forged": (good, event(2)),
        "webhook.late": (signature.signed([SECRET], "m1", now - 400, event(1)), event(1)),
    }
    for code, (headers, body) in tries.items():
        answer = served.client.post(PLACE, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
    elsewhere = served.client.post("/v1/events/hr/people", content=b"{}", headers=good)
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "webhook.undeclared")
    assert served.one("SELECT count(*) FROM inbox") == 0


@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_an_hmac_in_a_header_proves_too(pushed, encoding: str):
    push = (
        "{scheme: hmac, header: x-hub-signature-256, prefix: 'sha256=', id_header: x-github-delivery, "
        f"encoding: {encoding}, secret: [secret://erp/new, secret://erp/push]}}"
    )
    served, body = pushed(push), json.dumps(supplier(1)).encode()
    mark = hmac.new(SECRET.encode(), body, hashlib.sha256)
    text = mark.hexdigest() if encoding == "hex" else base64.b64encode(mark.digest()).decode()
    good = post(served, body, x_hub_signature_256=f"sha256={text}", x_github_delivery="d-1")
    assert (good.status_code, good.json()["new"]) == (202, 1)
    assert post(served, body + b" ", x_hub_signature_256=f"sha256={text}").json()["code"] == "webhook.forged"
    assert post(served, body, x_hub_signature_256=text).json()["code"] == "webhook.forged"
    drained(served)
    assert served.golden("supplier")["1"]["name"] == "S1 v1"


def test_a_token_in_a_header_is_the_weakest_proof(pushed):
    served = pushed("{scheme: token, header: x-gitlab-token, secret: secret://erp/push}")
    body = json.dumps([supplier(1), supplier(2)]).encode()
    assert post(served, body, x_gitlab_token=SECRET).json() == {"new": 2, "repeated": 0}
    assert post(served, body, x_gitlab_token=SECRET).json() == {"new": 0, "repeated": 2}
    wrong = post(served, body, x_gitlab_token=SECRET[:-1])
    assert (wrong.status_code, wrong.json()["code"]) == (401, "webhook.forged")
    assert SECRET[:-1] not in wrong.text


def test_a_key_may_push_for_the_systems_it_is_for(pushed):
    served = pushed("{secret: secret://erp/push}")
    mine = served.key("mine", "events:write", systems=["erp"])
    other = served.key("other", "events:write", systems=["hr"])
    body = json.dumps(supplier(5)).encode()
    once = {**mine, "idempotency-key": "i1"}
    assert served.client.post(PLACE, content=body, headers=once).json()["new"] == 1
    assert served.client.post(PLACE, content=body, headers=once).json()["repeated"] == 1
    assert served.client.post(PLACE, content=body, headers=other).json()["code"] == "key.within"
    none = served.client.post(PLACE, content=body, headers=served.key("r", "entities:read"))
    assert none.json()["code"] == "key.grant"


@pytest.mark.parametrize(
    ("body", "code"),
    [(b"", "event.malformed"), (b"[1]", "event.malformed"), (b'{"a":', "event.malformed"), (b"\xff", "event.malformed"),
     (b'{"specversion":"1.0"}', "event.malformed"), (b"[" * 5000, "event.malformed")],
)  # fmt: skip
def test_bad_bodies_are_problems(pushed, body: bytes, code: str):
    served = pushed("{scheme: token, header: x-token, secret: secret://erp/push}")
    answer = post(served, body, x_token=SECRET)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
