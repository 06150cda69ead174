"""The description is the API: every route is described, and what fits the description is never an accident."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.api.app import described
from hub.security.access import GRANTS
from tests.unit.api.conftest import Served

DESCRIPTION = described().openapi()
ROUTES = [
    (method, path, operation)
    for path, methods in DESCRIPTION["paths"].items()
    for method, operation in methods.items()
]
ANSWERED = [one for one in ROUTES if "text/event-stream" not in one[2]["responses"].get("200", {}).get("content", {})]
"""A stream ends when who reads it leaves: see tests/unit/todos/test_stream.py."""
TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["person", "people", "1", "hr", "erp", "suppliers", "id", "0", "-1", "'", "%", "../x", "a" * 300]),
)


def drawn(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a part of the description: right ones, and some that are not."""
    if "$ref" in schema:
        schema = DESCRIPTION["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return st.one_of(*(drawn(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return st.one_of(st.sampled_from(schema["enum"]), TEXT)
    if "const" in schema:
        return st.just(schema["const"])
    match schema.get("type"):
        case "integer":
            return st.one_of(st.integers(-5, 600), TEXT)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "object":
            optional = {name: drawn(one) for name, one in schema.get("properties", {}).items()}
            needed = {name: optional.pop(name) for name in schema.get("required", [])}
            return st.fixed_dictionaries(needed, optional=optional)
    return TEXT


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    method, path, operation = draw(st.sampled_from(ANSWERED))
    query = {}
    for one in operation.get("parameters", []):
        value = draw(drawn(one["schema"]))
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(str(value), safe="/") or "x")
        elif value is not None and draw(st.booleans()):
            query[one["name"]] = value
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return {
        "method": method.upper(),
        "url": path,
        "params": query,
        **({"json": draw(st.one_of(drawn(body), st.none(), TEXT))} if body else {}),
    }


@settings(max_examples=150, deadline=None, derandomize=True, database=None,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(asked=requests())
def test_no_request_is_an_accident(shared: Served, asked: dict[str, Any]):
    if "fuzz" not in shared.variables:
        shared.variables["fuzz"] = shared.key("fuzz", *GRANTS)["authorization"]
    answer = shared.client.request(**asked, headers={"authorization": shared.variables["fuzz"]})
    if answer.status_code >= 400:
        kind, told = answer.headers["content-type"].partition(";")[0], answer.json()
        odata = "error" in told and asked["url"].startswith("/v1/todos/odata")  # a form of its own (OData JSON 4, 21)
        assert kind == ("application/json" if odata else "application/problem+json"), answer.text
        assert (told["error"] if odata else told)["code"] not in ("internal", "")
        assert answer.status_code < 500, answer.text
    else:
        assert answer.status_code in (200, 202)


def test_every_route_says_what_it_does_and_how_it_fails():
    for method, path, operation in ROUTES:
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert operation["tags"], (method, path)
        assert "default" in operation["responses"], (method, path)
    assert DESCRIPTION["security"] == [{"key": []}]


def test_no_character_is_an_accident_of_the_database(served: Served):
    headers = served.key("fuzz", *GRANTS)
    for odd in ("%00", "%ED%A0%80", "%F0%9F%98%80", "%25", "_"):
        for path in (
            f"/v1/runs/{odd}",
            f"/v1/plans/{odd}",
            f"/v1/reviews/{odd}",
            f"/v1/entities/person/{odd}",
            f"/v1/entities/person?name={odd}",
            f"/v1/quarantine?code={odd}&cause={odd}",
            f"/v1/runs?exchange={odd}",
        ):
            answer = served.client.get(path, headers=headers)
            assert answer.status_code in (200, 400, 404, 409, 422), (path, answer.text)
    told = served.client.post("/v1/exchanges/people/runs", json={"mode": "plan\0"}, headers=headers)
    assert told.status_code == 400
    body = {"cause": "x\0", "reason": "it is\0"}
    told = served.client.post("/v1/quarantine/dismissals", json=body, headers=headers)
    assert (told.status_code, told.json()["code"]) == (400, "request.malformed")
