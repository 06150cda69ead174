"""A real SCIM service: discovery, pages, filters, PATCH, uniqueness, groups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.scim import SPEC
from hub.contract import Change, Context, Query
from hub.errors import AuthError
from tests.conftest import Login
from tests.stores import SqliteStore
from tests.unit.scim.test_conformance import listening

pytestmark = pytest.mark.against("scim", "scim2-server", "real")

USER = {"key": "userName", "paths": {"work": 'emails[type eq "work"].value'}}
GROUP = {"key": "displayName"}


@pytest.fixture(scope="module", params=["scim2-server", "the hub"])
def scim(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Login]:
    """A service of others, and the hub itself."""
    if request.param == "scim2-server":
        yield request.getfixturevalue("scim")  # that of all tests
        return
    with listening(tmp_path_factory.mktemp("scim"), SqliteStore()) as made:
        key = made.keys["whole"]["authorization"].removeprefix("Bearer ")
        yield Login(f"{made.url}/scim/v2/whole", "", "", key)


def opened(login: Login, token: str = "", **more: Any) -> Any:
    settings = {"url": login.url, "auth": {"bearer": {"token": token or login.key}}, **more}
    resources = {"User": SPEC.resource.model_validate(USER), "Group": SPEC.resource.model_validate(GROUP)}
    return SPEC.open(Context(f"scim {token}"), SPEC.settings.model_validate(settings), resources)


@pytest.mark.parametrize("update", ["patch", "put"])
def test_people_and_groups_are_written_found_read_and_deleted(scim: Login, update: str) -> None:
    connector = opened(scim, update=update, page_size=2)
    assert all(probe.ok for probe in connector.check())
    users, groups = connector.resource("User"), connector.resource("Group")
    assert {"userName", "name", "emails", "enterprise", "work"} <= {field.name for field in users.fields}
    names = [f"{update}{number}" for number in range(5)]
    changes = [
        Change(
            "create",
            {"userName": name},
            {"userName": name, "work": f"{name}@x.example", "enterprise.department": "D1"},
        )
        for name in names
    ]
    made = connector.deliver(users, changes)
    assert [one.status for one in made] == ["done"] * 5, made
    assert connector.deliver(users, changes[:1])[0].status == "conflict"
    values = {
        "userName": names[0],
        "work": "new@x.example",
        "name.familyName": "张",
        "enterprise.department": "D2",
    }
    changed = connector.deliver(
        users, [Change("update", {"userName": names[0]}, values, made[0].foreign_id)]
    )[0]
    assert changed.status == "done", changed
    found = connector.find(users, [{"userName": names[0].upper()}, {"userName": 'x" or userName pr'}])
    assert found[1] is None
    record = found[0].values
    assert (record["work"], record["name"]["familyName"], record["enterprise"]["department"]) == (
        "new@x.example",
        "张",
        "D2",
    )
    members = [{"value": one.foreign_id} for one in made[:3]]
    group = connector.deliver(
        groups, [Change("create", {"displayName": update}, {"displayName": update, "members": members})]
    )
    assert group[0].status == "done", group
    fewer = {"displayName": update, "members": members[1:]}
    left = connector.deliver(groups, [Change("update", {"displayName": update}, fewer, group[0].foreign_id)])
    assert left[0].status == "done", left
    there = connector.find(groups, [{"displayName": update}])[0].values["members"]
    assert {one["value"] for one in there} == {one["value"] for one in members[1:]}
    pages = list(connector.read(Query(users)))
    read = [json.loads(line)["userName"] for page in pages for line in page.records.splitlines()]
    assert set(names) <= set(read)
    gone = [
        Change("delete", {"userName": name}, {}, one.foreign_id)
        for name, one in zip(names, made, strict=True)
    ]
    gone.append(Change("delete", {"displayName": update}, {}, group[0].foreign_id))
    assert [
        one.status for one in connector.deliver(users, gone[:5]) + connector.deliver(groups, gone[5:])
    ] == ["done"] * 6


@pytest.mark.parametrize("update", ["patch", "put"])
def test_several_changes_go_in_one_request(scim: Login, update: str) -> None:
    connector = opened(scim, update=update)
    connector._service.config["bulk"]["maxOperations"] = 4  # less than it takes, so that several are needed
    users = connector.resource("User")
    names = [f"bulk-{update}{number}" for number in range(9)]
    changes = [Change("create", {"userName": name}, {"userName": name, "work": f"{name}@x.example"}) for name in names]
    asked: list[str] = []
    request = connector._transport.request

    def listening(method: str, path: str, **more: Any) -> Any:
        asked.append(f"{method} {path}")
        return request(method, path, **more)

    connector._transport.request = listening
    made = connector.deliver(users, changes)
    assert [one.status for one in made] == ["done"] * 9, made
    assert asked == ["POST Bulk", "POST Bulk", "POST /Users"]
    assert [one.foreign_id for one in made] == [
        found.foreign_id for found in connector.find(users, [change.key for change in changes])
    ]
    again = connector.deliver(users, [*changes[:2], Change("create", {"userName": "bulk"}, {"active": "maybe"})])
    assert [one.status for one in again] == ["conflict", "conflict", "rejected"]
    values = {"work": "new@x.example", "enterprise.department": "D9"}
    moved = connector.deliver(users, [
        Change("update", change.key, {**change.key, **values}, one.foreign_id, one.version)
        for change, one in zip(changes, made, strict=True)
    ])  # fmt: skip
    assert [one.status for one in moved] == ["done"] * 9, moved
    records = [found.values for found in connector.find(users, [change.key for change in changes])]
    assert {(one["work"], one["enterprise"]["department"]) for one in records} == {("new@x.example", "D9")}
    stale = [Change("update", one.key, {"work": "x@x.example"}, made[0].foreign_id, "W/0") for one in changes[:2]]
    assert {one.status for one in connector.deliver(users, stale)} == {"conflict"}
    gone = [Change("delete", one.key, {}, told.foreign_id) for one, told in zip(changes, made, strict=True)]
    assert [one.status for one in connector.deliver(users, gone + gone[:1])] == ["done"] * 10
    assert connector.find(users, [changes[0].key]) == [None]
    connector.close()


def test_a_wrong_token_is_told(scim: Login) -> None:
    with pytest.raises(AuthError):
        opened(scim, "wrong").resource("User")
