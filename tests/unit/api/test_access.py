"""Who asks: keys, what they allow, and the limits of everybody."""

from __future__ import annotations

import datetime as dt
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from hub.api.app import described
from hub.errors import AuthError, HubError
from hub.security import access
from hub.security.access import GRANTS
from tests.stores import SqliteStore
from tests.unit.api.conftest import Served

pytestmark = pytest.mark.by_turns

READS = {
    "/v1/models": "entities:read",
    "/v1/entities/person": "entities:read",
    "/v1/entities/person/1": "entities:read",
    "/v1/exchanges": "exchanges:read",
    "/v1/exchanges/people": "exchanges:read",
    "/v1/runs": "runs:read",
    "/v1/plans": "plans:read",
    "/v1/quarantine": "quarantine:read",
    "/v1/quarantine/causes": "quarantine:read",
    "/v1/reviews": "reviews:read",
}
WRITES = {
    "/v1/exchanges/people/runs": ("runs:write", {}),
    "/v1/quarantine/replays": ("quarantine:write", {"cause": "x"}),
    "/v1/quarantine/dismissals": ("quarantine:write", {"cause": "x", "reason": "done"}),
    "/v1/plans/x/approval": ("plans:write", {"reason": "it may"}),
    "/v1/plans/x/rejection": ("plans:write", {"reason": "it may not"}),
    "/v1/plans/x/runs": ("runs:write", {}),
    "/v1/reviews/x/decision": ("reviews:write", {"decision": "create", "reason": "new"}),
}


def test_every_route_needs_a_key_and_its_grant(served: Served):
    # One run, one plan, one review; events, to-dos and people have tests of their own.
    elsewhere = ("/v1/todos", "/v1/explain", "/v1/people", "/v1/organizations", "/v1/documents")
    paths = {path for path in described().openapi()["paths"] if not path.startswith(elsewhere)}
    assert len(paths) == len({*READS, *WRITES}) + 4
    for number, (path, grant) in enumerate(READS.items()):
        others = served.key(f"r{number}", *(set(GRANTS) - {grant}))
        assert served.client.get(path).json()["code"] == "key.refused"
        assert served.client.get(path, headers=others).json()["code"] == "key.grant"
        assert served.client.get(path, headers=served.key(f"g{number}", grant)).status_code == 200, path
    for number, (path, (grant, body)) in enumerate(WRITES.items()):
        others = served.key(f"w{number}", *(set(GRANTS) - {grant}))
        assert served.client.post(path, json=body).json()["code"] == "key.refused"
        answer = served.client.post(path, json=body, headers=others)
        assert (answer.status_code, answer.json()["code"]) == (403, "key.grant"), path


def test_a_confined_key_sees_nothing_else(served: Served):
    served.put("hr.people", {"id": "1", "name": "P1", "born": "nonsense"})
    served.run("people", "incremental")
    plan = served.plan("people")
    headers = served.key("few", *GRANTS, models=["supplier"])
    asked = served.client.get
    assert [one["model"] for one in asked("/v1/models", headers=headers).json()["items"]] == ["supplier"]
    assert [one["exchange"] for one in asked("/v1/exchanges", headers=headers).json()["items"]] == ["suppliers"]
    assert {one["exchange"] for one in asked("/v1/runs", headers=headers).json()["items"]} == {"suppliers"}
    for path in ("/v1/plans", "/v1/quarantine", "/v1/quarantine/causes", "/v1/reviews"):
        assert asked(path, headers=headers).json()["items"] == [], path
    run = served.rows("SELECT run_key FROM run WHERE exchange = 'people'")[0][0]
    for path in (
        "/v1/entities/person",
        "/v1/entities/person/1",
        "/v1/exchanges/people",
        "/v1/runs?exchange=people",
        f"/v1/runs/{run}",
        f"/v1/plans/{plan}",
        "/v1/quarantine?exchange=people",
    ):
        assert asked(path, headers=headers).status_code == 404, path
    cause = served.rows("SELECT cause FROM quarantine")[0][0]
    for path, body in {
        "/v1/exchanges/people/runs": {},
        f"/v1/plans/{plan}/runs": {},
        f"/v1/plans/{plan}/rejection": {"reason": "not this"},
        "/v1/quarantine/replays": {"cause": cause},
        "/v1/quarantine/dismissals": {"cause": cause, "reason": "away"},
    }.items():
        assert served.client.post(path, json=body, headers=headers).status_code == 404, path
    assert served.client.get("/v1/quarantine", headers=served.key("all", *GRANTS)).json()["items"]


def test_keys_are_kept_as_digests_and_end(served: Served):
    headers = served.key("a", "entities:read", days=1)
    text = headers["authorization"].removeprefix("Bearer ")
    assert text[-20:] not in str(served.rows("SELECT * FROM api_key"))  # the last of it has no meaning of its own
    assert served.client.get("/v1/models", headers=headers).status_code == 200
    hub = served.open_hub.hub
    later = hub.clock() + dt.timedelta(days=2)
    with pytest.raises(Exception, match="unknown, expired or revoked"):
        access.caller_of(hub.database, text, later)
    access.revoke(hub.database, hub.actor, "a")
    refused = served.client.get("/v1/models", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (401, "key.refused")
    assert 'Bearer realm="cophub"' in refused.headers["www-authenticate"]


def test_after_a_rotation_the_former_text_holds_for_a_while(served: Served):
    former = served.key("a", "entities:read")["authorization"].removeprefix("Bearer ")
    hub = served.open_hub.hub
    moment = hub.clock()
    new = access.rotate(hub.database, hub.actor, "a", dt.timedelta(hours=1), moment)
    assert access.caller_of(hub.database, new, moment).name == "a"
    assert access.caller_of(hub.database, former, moment + dt.timedelta(minutes=59)).name == "a"
    with pytest.raises(Exception, match="unknown"):
        access.caller_of(hub.database, former, moment + dt.timedelta(minutes=61))
    actions = [row[0] for row in served.rows("SELECT action FROM audit WHERE object = 'key:a' ORDER BY seq")]
    assert actions == ["key.made", "key.rotated"]


@pytest.mark.parametrize("text", ["", "x", "cop_aaaaaaaaaaaa_" + "A" * 43, "cop_aaaaaaaaaaaa_" + "é" * 43, "\x00"])
def test_what_is_no_key_is_refused_alike(shared: Served, text: str):
    answer = shared.client.get("/v1/models", headers={b"authorization": f"Bearer {text}".encode()})
    assert (answer.status_code, answer.json()["detail"]) in (
        (401, "the key is unknown, expired or revoked"),
        (401, "the request carries no key"),
    )


def small(tmp_path: Path, hub: str) -> tuple[Served, TestClient]:
    made = Served(tmp_path / "s", SqliteStore())
    made.begin(hub)
    return made, made.serve()


def test_too_many_requests_are_told_when_to_come_again(tmp_path: Path):
    made, client = small(tmp_path, "api: {rate: 0.5, burst: 3}")
    headers = made.key("a", "entities:read")
    answers = [client.get("/v1/models", headers=headers) for _ in range(4)]
    assert [one.status_code for one in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
    assert client.get("/v1/models", headers=made.key("b", "entities:read")).status_code == 200
    made.close()


def test_an_address_tells_all_methods_that_it_takes(tmp_path: Path):
    made, client = small(tmp_path, "")
    answer = client.delete("/v1/todos")
    assert (answer.status_code, answer.json()["code"], answer.headers["allow"]) == (405, "route.method", "GET, POST")
    made.close()


def test_many_at_once_from_one_address_are_no_guesses(tmp_path: Path):
    made, client = small(tmp_path, "")
    here = client.app.app.api.state.ground  # type: ignore[attr-defined] # within what guards it
    request = Request({"type": "http", "client": ("10.0.0.1", 1), "headers": []})
    with ExitStack() as under_way:
        for _ in range(100):
            under_way.enter_context(here.guessing(request))
    for _ in range(20):
        with pytest.raises(AuthError), here.guessing(request):
            raise AuthError("key.refused", "wrong")
    with pytest.raises(HubError, match="too many"), here.guessing(request):
        pass
    made.close()


def test_wrong_keys_are_counted_by_address(tmp_path: Path):
    made, client = small(tmp_path, "")
    good = made.key("a", "entities:read")
    wrong = {"authorization": "Bearer cop_aaaaaaaaaaaa_" + "A" * 43}
    codes = [client.get("/v1/models", headers=wrong).json()["code"] for _ in range(25)]
    assert codes[:20] == ["key.refused"] * 20
    assert "request.many" in codes[20:]
    assert client.get("/v1/models", headers=good).status_code in (200, 429)
    made.close()


def test_a_large_body_is_refused_before_it_is_read(tmp_path: Path):
    made, client = small(tmp_path, "api: {largest: 2048}")
    headers = made.key("a", "events:write")
    whole = client.post("/v1/events/erp/suppliers", content=b"x" * 5000, headers=headers)

    def parts():
        for _ in range(10):
            yield b"x" * 500

    streamed = client.post("/v1/events/erp/suppliers", content=parts(), headers=headers)
    assert [(one.status_code, one.json()["code"]) for one in (whole, streamed)] == [(413, "request.large")] * 2
    made.close()
