"""The hub as a SCIM server: what a client writes is what it reads, and becomes golden by the mappings alone."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from tests.unit.scim.conftest import ENTERPRISE, GROUP, USER, Identities

ERROR = ["urn:ietf:params:scim:api:messages:2.0:Error"]


def refused(answer: Any, status: int, kind: str = "", detail: str = "") -> None:
    """A SCIM error, with its scimType and words of its detail."""
    said = answer.json()
    assert (answer.status_code, said["status"], said["schemas"]) == (status, str(status), ERROR), answer.text
    assert said.get("scimType", "") == kind
    assert detail in said.get("detail", "")


# ------------------------------------------------------------ into golden records


def test_a_user_becomes_a_golden_person(hub: Identities) -> None:
    made = hub.user(
        "Ada@Example.com",
        externalId="e-1",
        displayName="艾达",
        emails=[{"value": "ada@home.example", "type": "home"}, {"value": "ada@work.example", "type": "work"}],
        **{ENTERPRISE: {"department": "R&D", "employeeNumber": "17"}},
    )
    assert made["meta"]["location"] == f"https://hub.example.com/scim/v2/entra/Users/{made['id']}"
    assert hub.ask("GET", f"/Users/{made['id']}").json() == made
    assert hub.found('userName eq "ada@example.COM"') == ["Ada@Example.com"]
    assert hub.person("ada@example.com") is None  # nothing is golden before the mapping ran
    hub.drain()
    person = hub.person("ada@example.com")
    assert person
    assert (person["name"], person["mail"], person["unit"]) == ("艾达", "ada@work.example", "R&D")


def test_inactive_is_golden_and_a_deletion_disables(hub: Identities) -> None:
    place = f"/Users/{hub.user('leaver', active=True)['id']}"
    hub.patch(place, {"op": "Replace", "path": "active", "value": "False"})  # as Entra ID writes it
    assert hub.ask("GET", place).json()["active"] is False
    hub.drain()
    person = hub.person("leaver")
    assert person
    assert (bool(person["active"]), person["_state"]) == (False, 0)
    assert hub.ask("DELETE", place).status_code == 204
    hub.drain()
    gone = hub.person("leaver")
    assert gone
    assert gone["_state"] == 1


def test_a_full_read_says_the_same_as_the_events(hub: Identities) -> None:
    hub.user("whole-1", displayName="W")
    hub.drain()
    result = hub.run("entra-people", mode="full")
    assert result.counts["read"] >= 1
    assert result.counts.get("applied", 0) == 0


def test_groups_are_a_source_too(hub: Identities) -> None:
    one, two = hub.user("member-1")["id"], hub.user("member-2")["id"]
    group = {"schemas": [GROUP], "displayName": "Buyers", "members": [{"value": one}, {"value": two}]}
    assert hub.ask("POST", "/Groups", group).status_code == 201
    hub.drain()
    team = hub.team("Buyers")
    assert team
    assert team["size"] == 2


def test_what_is_not_mapped_is_kept_and_read_back(hub: Identities) -> None:
    body = {"schemas": [USER], "userName": "unmapped", "displayName": "U"}
    made = hub.ask("POST", "/Users", body, key="okta").json()
    assert hub.found("displayName pr", "okta") == ["unmapped"]
    assert hub.ask("GET", f"/Users/{made['id']}", key="okta").json()["displayName"] == "U"
    hub.drain()
    assert hub.person("unmapped") is None


# ------------------------------------------------------------ who may do what


def test_without_a_key_nothing_is_told(hub: Identities) -> None:
    answer = hub.ask("GET", "/Users", key="nobody", client="entra")
    refused(answer, 401, detail="key.refused")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/scim+json"


def test_a_reader_reads_and_writes_nothing(hub: Identities) -> None:
    one = hub.user("read-only")
    place = f"/Users/{one['id']}"
    assert hub.ask("GET", place, key="reader", client="entra").status_code == 200
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'userName eq "read-only"'}
    assert hub.ask("POST", "/Users/.search", search, key="reader", client="entra").json()["totalResults"] == 1
    for method, path in (("POST", "/Users"), ("PUT", place), ("PATCH", place), ("DELETE", place), ("POST", "/Bulk")):
        refused(hub.ask(method, path, {}, key="reader", client="entra"), 403, detail="key.grant")


def test_another_clients_place_is_as_unknown_as_none(hub: Identities) -> None:
    for client in ("okta", "nobody", "hr"):
        refused(hub.ask("GET", "/Users", client=client), 404, detail="scim.unknown")


def test_another_clients_resources_are_not_there(hub: Identities) -> None:
    made = hub.user("mine", externalId="same")
    identity = made["id"]
    theirs = {"schemas": [USER], "userName": "mine", "externalId": "same"}
    other = hub.ask("POST", "/Users", theirs, key="okta")
    assert other.status_code == 201  # names and externalIds are each client's own
    refused(hub.ask("GET", f"/Users/{made['id']}", key="okta"), 404, detail="scim.unknown")
    refused(hub.ask("DELETE", f"/Users/{made['id']}", key="okta"), 404)
    assert hub.found('externalId eq "same"') == ["mine"]
    assert hub.found(f'id eq "{identity}"', "okta") == []


def test_an_external_id_is_no_id(hub: Identities) -> None:
    made = hub.user("ext", externalId="1", id="00000000000000000000000000000001")
    assert made["id"] != "00000000000000000000000000000001"
    refused(hub.ask("GET", "/Users/1"), 404)
    refused(hub.patch(f"/Users/{made['id']}", {"op": "replace", "path": "id", "value": "1"}), 400, "mutability")


# ------------------------------------------------------------ mass assignment


WRITES: list[dict[str, Any]] = [
    {"roles": [{"value": "admin"}]},
    {"entitlements": [{"value": "all"}]},
    {"password": "Secret-1"},
    {"groups": [{"value": "x"}]},
    {"nickName": "not allowed"},
    {"phoneNumbers": [{"value": "+49"}]},
    {"urn:example:params:scim:schemas:extension:hub:1.0:User": {"admin": True}},
    {"_state": 0, "entity": "x", "isAdmin": True},
    {ENTERPRISE: {"department": "D", "costCenter": "not allowed", "manager": {"value": "x"}}},
]


@pytest.mark.parametrize("more", WRITES, ids=[next(iter(one)) for one in WRITES])
def test_what_is_not_allowed_is_dropped(hub: Identities, more: dict[str, Any]) -> None:
    name = f"mass-{WRITES.index(more)}"
    body = {"schemas": [USER, *(one for one in more if one.startswith("urn:"))], "userName": name, **more}
    made = hub.ask("POST", "/Users", body).json()
    for operation in ({"op": "add", "value": more}, {"op": "replace", "value": more}):
        assert hub.patch(f"/Users/{made['id']}", operation).status_code == 204
    assert hub.ask("PUT", f"/Users/{made['id']}", body).status_code == 200
    kept = hub.ask("GET", f"/Users/{made['id']}").json()
    kept.pop(ENTERPRISE, None)
    assert kept.keys() <= {"schemas", "id", "userName", "meta"}
    stored = hub.one("SELECT content FROM scim_resource WHERE name = :name AND client = 'entra'", name=name)
    assert not any(word in str(stored) for word in ("admin", "Secret-1", "not allowed", "+49", "manager"))


@pytest.mark.parametrize("more", WRITES[:4] + WRITES[6:8], ids=lambda one: next(iter(one)))
def test_where_it_says_refuse_the_whole_write_is_refused(hub: Identities, more: dict[str, Any]) -> None:
    body = {"schemas": [USER], "userName": "refused", **more}
    assert hub.ask("POST", "/Users", body, key="okta").status_code == 400
    assert hub.found('userName eq "refused"', "okta") == []


def test_paths_of_what_is_not_allowed_change_nothing(hub: Identities) -> None:
    made = hub.user("paths")
    for path in ("roles", f"{ENTERPRISE}:costCenter", 'entitlements[type eq "x"].value', "groups"):
        answer = hub.patch(f"/Users/{made['id']}", {"op": "add", "path": path, "value": "admin"})
        assert answer.status_code in (204, 400)
    assert hub.ask("GET", f"/Users/{made['id']}").json() == made


def test_schemas_show_what_is_allowed(hub: Identities) -> None:
    schema = hub.ask("GET", f"/Schemas/{USER}").json()
    assert {one["name"] for one in schema["attributes"]} == {"userName", "name", "displayName", "active", "emails"}
    extension = hub.ask("GET", f"/Schemas/{ENTERPRISE}").json()
    assert {one["name"] for one in extension["attributes"]} == {"department", "employeeNumber"}
    types = hub.ask("GET", "/ResourceTypes", key="okta").json()["Resources"]
    assert [(one["name"], one.get("schemaExtensions")) for one in types] == [("User", None)]


# ------------------------------------------------------------ PATCH


def test_patch_without_a_path_and_with_names_as_entra_writes_them(hub: Identities) -> None:
    place = f"/Users/{hub.user('nopath')['id']}"
    values = {"displayName": "N", "name.givenName": "Nora", f"{ENTERPRISE}:department": "Sales"}
    hub.patch(place, {"op": "Add", "value": values})
    answer = hub.ask("GET", place).json()
    assert (answer["displayName"], answer["name"], answer[ENTERPRISE]) == (
        "N", {"givenName": "Nora"}, {"department": "Sales"})  # fmt: skip


def test_a_value_that_a_path_does_not_find_is_added(hub: Identities) -> None:
    place = f"/Users/{hub.user('newmail')['id']}"
    path = 'emails[type eq "work"].value'
    for address in ("a@x.example", "b@x.example"):
        hub.patch(place, {"op": "replace", "path": path, "value": address})
    assert hub.ask("GET", place).json()["emails"] == [{"type": "work", "value": "b@x.example"}]


def test_an_ambiguous_remove_is_refused(hub: Identities) -> None:
    one, two = hub.user("stays")["id"], hub.user("goes")["id"]
    group = {"schemas": [GROUP], "displayName": "Ambiguous", "members": [{"value": one}, {"value": two}]}
    place = f"/Groups/{hub.ask('POST', '/Groups', group).json()['id']}"
    answer = hub.patch(place, {"op": "remove", "path": "members", "value": [{"value": two}]})
    refused(answer, 400, "invalidValue")  # the standard would take away all members
    refused(hub.patch(place, {"op": "remove"}), 400, "noTarget")
    assert len(hub.ask("GET", place).json()["members"]) == 2
    hub.patch(place, {"op": "remove", "path": f'members[value eq "{two}"]'})
    assert [member["value"] for member in hub.ask("GET", place).json()["members"]] == [one]


def test_what_is_required_stays(hub: Identities) -> None:
    place = f"/Users/{hub.user('required')['id']}"
    assert hub.patch(place, {"op": "remove", "path": "userName"}).status_code == 400
    assert hub.ask("PUT", place, {"schemas": [USER]}).status_code == 400
    assert hub.ask("GET", place).json()["userName"] == "required"


def test_names_are_taken_whatever_their_case(hub: Identities) -> None:
    hub.user("Größe")
    refused(hub.ask("POST", "/Users", {"schemas": [USER], "userName": "GRÖSSE".replace("SS", "ß")}), 409, "uniqueness")
    other = hub.user("groesse")
    answer = hub.patch(f"/Users/{other['id']}", {"op": "replace", "path": "userName", "value": "größe"})
    refused(answer, 409, "uniqueness", "scim.taken")


# ------------------------------------------------------------ versions


def test_an_old_version_is_refused_and_a_read_of_the_same_is_empty(hub: Identities) -> None:
    made = hub.user("versions")
    place, etag = f"/Users/{made['id']}", made["meta"]["version"]
    assert hub.ask("GET", place, If_None_Match=etag).status_code == 304
    changed = hub.patch(place, {"op": "add", "path": "displayName", "value": "1"}, If_Match=etag)
    assert changed.headers["etag"] != etag
    refused(hub.patch(place, {"op": "add", "path": "displayName", "value": "2"}, If_Match=etag), 412)
    refused(hub.ask("PUT", place, {"schemas": [USER], "userName": "versions"}, If_Match=etag), 412)
    refused(hub.ask("DELETE", place, If_Match=etag), 412)
    assert hub.ask("GET", place).json()["displayName"] == "1"


def test_a_write_that_changes_nothing_is_no_news(hub: Identities) -> None:
    made = hub.user("same", displayName="S")
    before = hub.one("SELECT count(*) FROM inbox")
    hub.patch(f"/Users/{made['id']}", {"op": "replace", "path": "displayName", "value": "S"})
    assert hub.ask("GET", f"/Users/{made['id']}").json() == made
    assert hub.one("SELECT count(*) FROM inbox") == before


def test_fifty_adds_at_once_lose_no_member(hub: Identities) -> None:
    place = f"/Groups/{hub.ask('POST', '/Groups', {'schemas': [GROUP], 'displayName': 'Many'}).json()['id']}"

    def add(number: int) -> int:
        operation = {"op": "add", "path": "members", "value": [{"value": f"m{number}"}]}
        return int(hub.patch(place, operation).status_code)

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(add, range(50))) == {204}
    members = {one["value"] for one in hub.ask("GET", place).json()["members"]}
    assert members == {f"m{number}" for number in range(50)}


def test_of_writers_with_one_version_one_wins(hub: Identities) -> None:
    made = hub.user("race")
    place = f"/Users/{made['id']}"

    def write(number: int) -> int:
        operation = {"op": "replace", "path": "displayName", "value": str(number)}
        return int(hub.patch(place, operation, If_Match=made["meta"]["version"]).status_code)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(8))) == [204] + [412] * 7


# ------------------------------------------------------------ lists


def test_filters_are_values_and_never_statements(hub: Identities) -> None:
    hub.user("filters", displayName="x' OR '1'='1")
    for hostile in ("x' OR '1'='1", "%", "_", "\\", "'; DROP TABLE scim_resource; --", "$.\"", '\\"'):
        quoted = hostile.replace("\\", "\\\\").replace('"', '\\"')
        found = hub.found(f'displayName eq "{quoted}"')
        assert found == (["filters"] if hostile == "x' OR '1'='1" else [])


@pytest.mark.parametrize("wrong", ["userName", 'userName like "a"', "(", 'userName eq "a" and', 'nothing eq "a"',
                                   'roles eq "admin"', "emails[type eq]", "active gt true"])  # fmt: skip
def test_filters_that_mean_nothing_are_refused(hub: Identities, wrong: str) -> None:
    refused(hub.ask("GET", f"/Users?filter={quote(wrong)}"), 400, "invalidFilter")


def test_pages_by_cursor_show_everything_once(hub: Identities) -> None:
    for number in range(5):
        hub.user(f"page-{number}")
    query = "count=2&sortBy=userName&filter=" + quote('userName sw "page-"')
    seen, cursor = [], ""
    for _ in range(3):
        page = hub.ask("GET", f"/Users?{query}&cursor={cursor}").json()
        seen += [one["userName"] for one in page["Resources"]]
        cursor = page.get("nextCursor", "")
    assert (seen, cursor) == ([f"page-{number}" for number in range(5)], "")
    first = hub.ask("GET", f"/Users?{query}&cursor").json()["nextCursor"]
    refused(hub.ask("GET", f"/Users?count=2&sortBy=userName&cursor={first}"), 400, "invalidCursor")
    refused(hub.ask("GET", f"/Users?{query}&cursor={first[:-4]}AAAA"), 400, "invalidCursor")
    by_index = hub.ask("GET", f"/Users?{query}&startIndex=3").json()
    assert (by_index["totalResults"], by_index["startIndex"]) == (5, 3)
    assert [one["userName"] for one in by_index["Resources"]] == ["page-2", "page-3"]


def test_a_page_is_no_larger_than_is_allowed(hub: Identities) -> None:
    config = hub.ask("GET", "/ServiceProviderConfig").json()
    assert (config["pagination"]["cursor"], config["filter"]["maxResults"]) == (True, 1000)
    assert hub.ask("GET", "/Users?count=1000000").json()["itemsPerPage"] <= 1000


# ------------------------------------------------------------ bulk


def test_bulk_resolves_what_it_makes_and_judges_each(hub: Identities) -> None:
    member = {"method": "POST", "path": "/Users", "bulkId": "u", "data": {"schemas": [USER], "userName": "bulk-1"}}
    team = {"schemas": [GROUP], "displayName": "Bulk", "members": [{"value": "bulkId:u"}]}
    protected = {"method": "POST", "path": "/Users", "bulkId": "p", "data": {"schemas": [USER], "userName": "admin"}}
    body = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
        "Operations": [{"method": "POST", "path": "/Groups", "bulkId": "g", "data": team}, protected, member],
    }
    operations = hub.ask("POST", "/Bulk", body).json()["Operations"]
    assert [one["status"] for one in operations] == ["201", "403", "201"]
    group = hub.ask("GET", operations[0]["location"].removeprefix("https://hub.example.com/scim/v2/entra")).json()
    assert operations[2]["location"].endswith(group["members"][0]["value"])
    assert hub.found('userName eq "admin"') == []


# ------------------------------------------------------------ addresses and bodies


def test_addresses_come_from_the_configuration(hub: Identities) -> None:
    answer = hub.ask("GET", "/Users?count=1", Host="evil.example", X_Forwarded_Host="evil.example")
    assert "evil.example" not in answer.text
    assert answer.json()["Resources"][0]["meta"]["location"].startswith("https://hub.example.com/scim/v2/entra/")


def test_texts_that_no_database_keeps_are_refused(hub: Identities) -> None:
    for name in ("nul\0", "lone \ud800"):
        body = json.dumps({"schemas": [USER], "userName": name})
        answer = hub.client.post("/scim/v2/entra/Users", content=body, headers=hub.keys["entra"])
        assert answer.status_code == 400
    search = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": 'userName eq "a\0"'}
    refused(hub.ask("POST", "/Users/.search", search), 400, "invalidFilter")


def test_what_is_no_scim_gets_scims_own_errors(hub: Identities) -> None:
    headers = hub.keys["entra"] | {"content-type": "application/scim+json"}
    post = hub.client.post
    refused(post("/scim/v2/entra/Users", content=b"{", headers=headers), 400, "invalidSyntax")
    refused(post("/scim/v2/entra/Users", content=b"a", headers=hub.keys["entra"] | {"content-type": "text/plain"}), 415)
    refused(hub.ask("GET", "/Nothing"), 404)
    refused(hub.ask("DELETE", "/Schemas"), 405)
    refused(hub.ask("GET", "/Me"), 501)
