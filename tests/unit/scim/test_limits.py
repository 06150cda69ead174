"""How large one SCIM request may be: filters, paths with filters in them, operations."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from scim2_models import InvalidFilterException

from hub.identity.scim_limits import DEEPEST, LONGEST, OPERATIONS, TERMS, require_filter
from tests.unit.scim.conftest import PATCH, Identities
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
