"""Events are checked before they are stored, and stored before they are answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.bus import cloudevents, signature
from hub.bus.accept import Door
from hub.errors import AuthError, ConfigError, HubError, RecordRejected
from hub.workspace.shape import Push
from tests.unit.bus.busworld import BusWorld, event, supplier
from tests.unit.bus.hook import SECRET

pytestmark = pytest.mark.by_turns

NOW = 1_800_000_000.0
OTHER = "whsec_" + "B" * 32
PUSH = Push(secret="secret://erp/push")


def good(fixtures: Path) -> dict[str, Any]:
    vectors: dict[str, Any] = json.loads((fixtures / "events" / "standard_webhooks_vectors.json").read_text())
    return vectors


def test_the_published_vectors_hold(fixtures: Path):
    for one in good(fixtures)["vectors"]:
        body, at = one["payload"].encode(), int(one["webhook-timestamp"])
        assert signature.verify([one["secret"]], one, body, at) == one["webhook-id"]
        made = signature.signed([one["secret"]], one["webhook-id"], at, body)
        assert made["webhook-signature"] == one["webhook-signature"]
        several = {**one, "webhook-signature": good(fixtures)["several_signatures"]}
        assert signature.verify([OTHER, one["secret"]], several, body, at)


def test_their_negative_twins_do_not(fixtures: Path):
    (one, *_) = good(fixtures)["vectors"]
    for twin in good(fixtures)["negative"]:
        late = 301 if "timestamp" in twin["why"] else 0
        headers = {**one, "webhook-signature": twin["webhook-signature"]}
        with pytest.raises(AuthError):
            signature.verify(
                [one["secret"]], headers, one["payload"].encode(), int(one["webhook-timestamp"]) + late
            )


@pytest.mark.parametrize("body", [b"", b" ", b'{"test": 2432232315}'])
def test_other_bytes_are_not_signed(fixtures: Path, body: bytes):
    (one, *_) = good(fixtures)["vectors"]
    with pytest.raises(AuthError, match=r"webhook\.forged"):
        signature.verify([one["secret"]], one, body, int(one["webhook-timestamp"]))


@pytest.mark.parametrize(
    "headers", [{}, {"webhook-id": "1", "webhook-timestamp": "x", "webhook-signature": "v1,"}]
)
def test_what_is_not_signed_is_refused(headers: dict[str, str]):
    with pytest.raises(AuthError, match=r"webhook\.unsigned"):
        signature.verify([SECRET], headers, b"{}", NOW)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_short", "whsec_!!!", "plain words"])
def test_a_weak_secret_is_refused(secret: str):
    with pytest.raises(ConfigError, match=r"webhook\.secret") as caught:
        signature.key_of(secret)
    assert secret.removeprefix("whsec_") not in str(caught.value) or secret == "whsec_"


def test_a_signed_webhook_is_stored_once(world: BusWorld):
    body = event(1)
    headers = signature.signed([OTHER, SECRET], "msg_1", int(NOW), body)
    with world.opened() as opened:
        door = Door(opened.hub)
        first = door.webhook("erp.suppliers", PUSH, headers, body, [SECRET], NOW + 290)
        again = door.webhook("erp.suppliers", PUSH, headers, body, [SECRET], NOW + 290)
    assert (first.new, again.new, again.repeated) == (1, 0, 1)


def test_a_bare_record_has_the_id_of_its_webhook(world: BusWorld):
    body = json.dumps(supplier(1)).encode()
    headers = signature.signed([SECRET], "msg_7", int(NOW), body)
    with world.opened() as opened:
        Door(opened.hub).webhook("erp.suppliers", PUSH, headers, body, [SECRET], NOW)
    assert world.rows("SELECT source, event_id FROM inbox") == [("webhook:erp.suppliers", "msg_7")]


def test_a_list_is_taken_apart(world: BusWorld):
    body = b"[" + event(1) + b",\n" + event(2) + b"]"
    headers = signature.signed([SECRET], "msg_8", int(NOW), body)
    with world.opened() as opened:
        assert Door(opened.hub).webhook("erp.suppliers", PUSH, headers, body, [SECRET], NOW).new == 2


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "event.malformed"),
        (b"7", "event.malformed"),
        (b'{"specversion": "1.0"}', "event.malformed"),
        (b'{"specversion": "0.3", "id": "1", "source": "/", "type": "t", "data": {}}', "event.malformed"),
        (b'{"specversion": "1.0", "id": "1", "source": "/", "type": "t", "data": []}', "event.malformed"),
        (
            b'{"specversion": "1.0", "id": "1", "source": "/", "type": "t", "time": "noon"}',
            "event.malformed",
        ),
        (b'{"specversion": "1.0", "id": "1", "source": "/", "type": "t.deleted"}', "event.key"),
        (b'{"id": "' + b"x" * (1 << 20) + b'"}', "event.large"),
        (b'{"id": "1"', "event.malformed"),
        (b'{"id": NaN}', "event.malformed"),
    ],
)
def test_what_is_no_event_is_refused_and_nothing_of_the_call_is_stored(
    world: BusWorld, body: bytes, code: str
):
    with pytest.raises(HubError) as caught:
        world.push(event(1), body)
    assert caught.value.code == code
    assert world.one("SELECT count(*) FROM inbox") == 0


def test_events_that_nobody_reads_are_refused(world: BusWorld):
    with pytest.raises(ConfigError, match=r"event\.unread"):
        world.push(event(1), place="crm.accounts")


def test_a_deletion_may_name_its_record_in_the_subject(world: BusWorld):
    world.first("erp.suppliers", supplier(1))
    world.push(
        b'{"specversion":"1.0","id":"9","source":"/erp","type":"erp.deleted","subject":"1",'
        b'"time":"2026-03-02T10:00:00Z"}'
    )
    world.work()
    assert world.named() == {"1": ("S1 v1", 1)}


def test_the_envelope_is_read_as_the_specification_says():
    value = {"specversion": "1.0", "id": "1", "source": "/s", "type": "com.example.deleted", "data": {"a": 1}}
    read = cloudevents.read(value)
    assert (read.id, read.deletes, read.data) == ("1", True, {"a": 1})
    with pytest.raises(RecordRejected):
        cloudevents.read({**value, "subject": 7})
