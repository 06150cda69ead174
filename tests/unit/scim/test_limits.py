"""How large one SCIM request may be: filters, paths with filters in them, operations."""

from __future__ import annotations

import secrets
import time
from urllib.parse import quote

import pytest
from scim2_models import InvalidFilterException

from hub.identity.scim_limits import DEEPEST, LONGEST, NAMES, OPERATIONS, TERMS, require_filter
from hub.identity.scim_storage import KEYS
from tests.unit.scim.conftest import PATCH, USER, Identities
from tests.unit.scim.test_server import refused

MANY = {
    "terms": " or ".join(f'userName eq "u{number}"' for number in range(TERMS + 1)),
    "depth": "(" * (DEEPEST + 1) + 'userName eq "a"' + ")" * (DEEPEST + 1),
    "nots": "not (" * 2000 + 'userName eq "a"' + ")" * 2000,
    "length": f'userName eq "{"a" * LONGEST}"',
    "quotes": '"' * LONGEST + '"',
}
SEARCH = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]}


@pytest.mark.parametrize("wrong", MANY.values(), ids=MANY)
def test_filters_have_so_many_terms_levels_and_letters(hub: Identities, wrong: str) -> None:
    refused(hub.ask("GET", f"/Users?filter={quote(wrong)}"), 400, "invalidFilter", "scim.filter")
    refused(hub.ask("POST", "/Users/.search", {**SEARCH, "Filter": wrong}), 400, "invalidFilter", "scim.filter")
    place = f"/Users/{hub.user(f'small-{list(MANY.values()).index(wrong)}')['id']}"
    path = f"emails[{wrong}].value"
    refused(hub.patch(place, {"op": "add", "path": path, "value": "x"}), 400, "invalidFilter", "scim.filter")
    refused(hub.patch(place, {"op": "add", "value": {path: "x"}}), 400, "invalidFilter", "scim.filter")


def test_to_judge_a_filter_takes_no_time() -> None:
    """A text that never ends, of many quotes: a body may hold a thousand of them."""
    began = time.process_time()
    for end in ("", "\\", "\\\n"):
        for _ in range(20):
            require_filter('"' + '\\"' * (LONGEST // 2 - 2) + end)
    assert time.process_time() - began < 2
    with pytest.raises(InvalidFilterException):
        require_filter('userName eq "\\' + '\n" and ' + "(" * (DEEPEST + 1))


def test_filters_as_large_as_they_may_be_are_answered(hub: Identities) -> None:
    hub.user("u-large")
    terms = " or ".join(f'userName eq "u-large{"(and)" * (number % 3)}"' for number in range(TERMS))
    assert hub.found(terms) == ["u-large"]
    assert hub.found("(" * DEEPEST + 'userName eq "u-large"' + ")" * DEEPEST) == ["u-large"]


def test_so_many_attributes_are_asked_for_at_once(hub: Identities) -> None:
    """Each is looked for at each value of each resource."""
    hub.user("asked")
    for name in ("attributes", "excludedAttributes"):
        assert hub.ask("GET", f"/Users?{name}={','.join(['userName'] * NAMES)}").status_code == 200
        many = ["userName"] * (NAMES + 1)
        refused(hub.ask("GET", f"/Users?{name}={','.join(many)}"), 400, "invalidValue", "scim.attributes")
        refused(hub.ask("POST", "/Users/.search", {**SEARCH, name: many}), 400, "invalidValue", "scim.attributes")
        refused(hub.ask("POST", "/Users/.search", {**SEARCH, name: ",".join(many)}), 400, "invalidValue")


def test_what_no_database_keeps_or_finds_is_told_so(hub: Identities) -> None:
    """And not that the database is away, after which a client would try it for ever."""
    for name in ("userName", "externalId"):
        body = {"schemas": [USER], "userName": "long", name: secrets.token_hex(KEYS // 2)}
        assert hub.ask("POST", "/Users", body, key="whole").status_code == 201
        refused(hub.ask("POST", "/Users", body | {name: "x" * (KEYS + 1)}, key="whole"), 400, "invalidValue", name)
    half = quote('userName eq "' + "\\" + 'ud800"')
    refused(hub.ask("GET", f"/Users?filter={half}"), 400, "invalidFilter")
    refused(hub.ask("GET", f"/Users?startIndex={10**20}"), 400, "invalidValue", "scim.start")
    refused(hub.ask("POST", "/Users/.search", {**SEARCH, "startIndex": 10**12}), 400, "invalidValue", "scim.start")


def test_a_patch_has_so_many_operations_alone_and_in_bulk(hub: Identities) -> None:
    place = f"/Users/{hub.user('patient')['id']}"
    several = [{"op": "replace", "path": "displayName", "value": str(number)} for number in range(OPERATIONS + 1)]
    refused(hub.patch(place, *several), 413, detail="scim.operations")
    body = {"schemas": [PATCH], "operations": several}
    bulk = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [{"method": "PATCH", "path": place, "data": body}]}  # fmt: skip
    refused(hub.ask("POST", "/Bulk", bulk), 413, detail="scim.operations")
    assert hub.patch(place, *several[:OPERATIONS]).status_code == 204
    assert hub.ask("GET", place).json()["displayName"] == str(OPERATIONS - 1)
