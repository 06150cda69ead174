"""Low-code manifests become profiles, and what they declare is read from stand-ins of the APIs they are about."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.rest import SPEC
from hub.contract import Context, Query
from hub.errors import AuthError, ConfigError, Fatal
from hub.workspace.airbyte.literals import Beyond, filled
from hub.workspace.airbyte.translating import Imported, imported
from hub.workspace.airbyte.writing import with_fields
from hub.workspace.yaml import read
from tests.unit.cli.desk import cophub
from tests.unit.http.fake import Answer, Asked, Fake, as_json, lines, running

TOKEN = "t0ken-of-a-test"
CONFIG = {"company_id": "42", "account_subdomain": "acme", "start_date": "2026-01-01T00:00:00Z"}
COUNT = 1203


def rows(path: str) -> list[dict[str, Any]]:
    return [{"id": number, "of": path, "DATE_UPDATED_UTC": f"2026-01-{1 + number % 28:02} 00:00:00"}
            for number in range(COUNT)]  # fmt: skip


class Api:
    """The five APIs, as their own documentation has them: each checks who asks and how pages are asked for."""

    def __init__(self, name: str) -> None:
        self.name, self.throttled, self.stuck = name, 0, False
        self.fake = Fake(self.reply)

    def reply(self, asked: Asked) -> Answer:
        user = base64.b64encode(f"{TOKEN}:".encode()).decode()
        wanted = f"Basic {user}" if self.name == "insightly" else f"Bearer {TOKEN}"
        if asked.headers.get("authorization") != wanted:
            return as_json({"message": "unauthorized"}, 401)
        if self.throttled:
            self.throttled -= 1
            return as_json({}, 429, Retry_After="0")
        answers: dict[str, Callable[[Asked], Answer]] = {
            "recruitee": self.whole, "todoist": self.whole, "workable": self.linked, "zenefits": self.linked,
            "insightly": self.skipped,
        }  # fmt: skip
        return answers[self.name](asked)

    def whole(self, asked: Asked) -> Answer:
        place, _, name = asked.path.rpartition("/")
        if place != {"recruitee": "/c/42", "todoist": "/rest/v2"}[self.name]:
            return as_json({}, 404)
        return as_json({name: rows(name)} if self.name == "recruitee" else rows(name))

    def linked(self, asked: Asked) -> Answer:
        name = asked.path.rpartition("/")[2]
        if int(asked.params["limit"]) != 100:
            return as_json({"error": "limit"}, 400)
        start = 0 if self.stuck else int(asked.params.get("since_id", 0))
        shown, after = rows(name)[start : start + 100], start + 100
        link = f"{self.fake.url}{asked.path}?limit=100&since_id={after}" if after < COUNT else None
        if self.name == "zenefits":
            return as_json({"status": 200, "data": {"data": shown, "next_url": link}})
        return as_json({name: shown, "paging": {"next": link} if link else {}})

    def skipped(self, asked: Asked) -> Answer:
        top, skip = int(asked.params["top"]), int(asked.params["skip"])
        if top > 500 or not asked.path.startswith("/v3.1/"):
            return as_json({"error": "top"}, 400)
        since = asked.params.get("updated_after_utc", "")
        found = [row for row in rows(asked.path) if row["DATE_UPDATED_UTC"] >= since]
        return as_json(found[0 if self.stuck else skip :][:top], X_Total_Count=str(len(found)))


def translated(fixtures: Path, name: str) -> Imported:
    folder = fixtures / "peers" / "airbyte" / f"source-{name}"
    located, findings = read((folder / "manifest.yaml").read_bytes(), "manifest.yaml")
    assert located is not None
    assert findings == []
    made = imported(located.value, name, CONFIG)
    with_fields(made, folder)
    return made


def opened(made: Imported, api: Api, token: str = TOKEN) -> Any:
    text = json.dumps({"url": made.url, "auth": made.auth, "limits": {"retries": 2}})
    host = made.url.partition("//")[2].partition("/")[0]
    found = json.loads(text.replace(f"https://{host}", api.fake.url))
    for rule in found["auth"].values():
        rule |= {name: token for name, value in rule.items() if value.startswith("secret://")}
    resources = {name: SPEC.resource.model_validate(one) for name, one in made.resources.items()}
    return SPEC.open(Context(f"{made.url} {api.fake.url}"), SPEC.settings.model_validate(found), resources)


@pytest.mark.parametrize(
    ("name", "streams"), [("recruitee", 3), ("todoist", 2), ("workable", 4), ("insightly", 28), ("zenefits", 11)]
)
def test_all_five_are_read_to_the_end(fixtures: Path, name: str, streams: int):
    made, api = translated(fixtures, name), Api(name)
    assert len(made.resources) == streams
    with running(api.fake):
        connector = opened(made, api)
        for resource in list(made.resources)[:3]:
            api.throttled = 1
            pages = list(connector.read(Query(connector.resource(resource))))
            assert [row["id"] for row in lines(pages)] == list(range(COUNT))
            assert pages[-1].last
        with pytest.raises(AuthError):
            list(opened(made, api, "wrong").read(Query(connector.resource(next(iter(made.resources))))))


@pytest.mark.parametrize("name", ["workable", "zenefits", "insightly"])
def test_pages_that_do_not_move_on_are_no_end(fixtures: Path, name: str):
    made, api = translated(fixtures, name), Api(name)
    api.stuck = True
    with running(api.fake):
        connector = opened(made, api)
        query = Query(connector.resource(next(iter(made.resources))))
        with pytest.raises(Fatal) as refused:
            list(connector.read(query))
    assert refused.value.code == "page.repeated"


def test_what_changed_is_asked_for_where_the_manifest_remembers(fixtures: Path):
    made, api = translated(fixtures, "insightly"), Api("insightly")
    with running(api.fake):
        connector = opened(made, api)
        found = lines(connector.read(Query(connector.resource("contacts"), since="2026-01-28 00:00:00")))
    assert {row["DATE_UPDATED_UTC"] for row in found} == {"2026-01-28 00:00:00"}
    assert any("403" in note.why and "deleted" in note.hint for note in made.notes)


def stream(**retriever: Any) -> dict[str, Any]:
    requester = {"url_base": "https://api.example.com", "path": "/things", **retriever.pop("requester", {})}
    more = retriever.pop("stream", {})
    made = {"name": "things", "primary_key": "id", **more, "retriever": {"requester": requester, **retriever}}
    return {"streams": [made]}


@pytest.mark.parametrize(
    ("document", "option", "value"),
    [
        (stream(paginator={"pagination_strategy": {"type": "PageIncrement", "page_size": 50, "start_from_page": 1},
                           "page_token_option": {"inject_into": "request_parameter", "field_name": "page"}}),
         "paging", {"page": {"size": 50, "param": "page", "start": 1}}),
        (stream(paginator={"pagination_strategy": {"type": "CursorPagination", "cursor_value": "{{ response['next'] }}",
                                                   "stop_condition": "{{ not response.has_more }}"},
                           "page_token_option": {"inject_into": "request_parameter", "field_name": "after"}}),
         "paging", {"cursor": {"more": "has_more", "param": "after", "from": "next"}}),
        (stream(paginator={"pagination_strategy": {"type": "CursorPagination",
                                                   "cursor_value": "{{ headers['link']['next']['url'] }}"},
                           "page_token_option": {"type": "RequestPath"}}), "paging", {"link_header": {}}),
        (stream(stream={"incremental_sync": {
            "cursor_field": "updated", "datetime_format": "%s",
            "start_time_option": {"inject_into": "request_parameter", "field_name": "since"}}}),
         "cursor", {"field": "updated", "param": "since", "format": "epoch"}),
        (stream(requester={"path": "/orders/{{ stream_partition.order }}/lines"}, partition_router={
            "type": "SubstreamPartitionRouter", "parent_stream_configs": [
                {"stream": {"name": "orders"}, "parent_key": "id", "partition_field": "order"}]}),
         "under", {"resource": "orders", "give": {"order": "id"}}),
    ],
    ids=["page", "cursor", "link", "since", "under"],
)  # fmt: skip
def test_other_kinds_are_said_in_the_words_of_rest(document: dict[str, Any], option: str, value: Any):
    made = imported(document, "things", {})
    assert made.resources["things"][option] == value
    SPEC.resource.model_validate(made.resources["things"])


@pytest.mark.parametrize(
    ("rule", "auth"),
    [
        ({"type": "ApiKeyAuthenticator", "header": "X-Key", "api_token": "{{ config['k'] }}"},
         {"api_key": {"header": "X-Key", "value": "secret://s/k"}}),
        ({"type": "ApiKeyAuthenticator", "header": "Authorization", "api_token": "Token {{ config['k'] }}"},
         {"api_key": {"header": "Authorization", "prefix": "Token ", "value": "secret://s/k"}}),
        ({"type": "OAuthAuthenticator", "token_refresh_endpoint": "https://login.example.com/token", "client_id": "hub",
          "client_secret": "{{ config.cs }}", "refresh_token": "{{ config.rt }}"},
         {"oauth2": {"token_url": "https://login.example.com/token", "client_id": "hub", "client_secret": "secret://s/cs",
                     "client_auth": "post", "refresh_token": "secret://s/rt"}}),
        ({"type": "SessionTokenAuthenticator", "session_token_path": ["data", "token"],
          "login_requester": {"url_base": "https://api.example.com", "path": "/login",
                              "request_body_json": {"user": "hub", "password": "{{ config.pw }}"}},
          "request_authentication": {"type": "Bearer"}},
         {"login": {"url": "https://api.example.com/login", "token": "data.token", "secrets": {"password": "secret://s/pw"},
                    "values": {"user": "hub"}, "header": "Authorization", "prefix": "Bearer "}}),
    ],
    ids=["key", "prefix", "oauth", "session"],
)  # fmt: skip
def test_credentials_are_said_without_a_secret(rule: dict[str, Any], auth: dict[str, Any]):
    made = imported(stream(requester={"authenticator": rule}), "s", {})
    assert made.auth == auth
    SPEC.settings.model_validate({"url": made.url, "auth": made.auth})


def test_values_of_a_list_are_resources_each():
    router = {"type": "ListPartitionRouter", "values": ["open", "done"], "cursor_field": "state",
              "request_option": {"inject_into": "request_parameter", "field_name": "state"}}  # fmt: skip
    made = imported(stream(partition_router=router), "things", {})
    assert {name: one["params"] for name, one in made.resources.items()} == {
        "things_open": {"state": "open"}, "things_done": {"state": "done"},
    }  # fmt: skip


def test_what_is_filtered_or_changed_is_listed_with_what_to_do():
    document = stream(
        record_selector={"record_filter": {"condition": "{{ record.x > 1 }}"}},
        stream={"transformations": [{"type": "AddFields"}]},
        requester={"request_parameters": {"day": "{{ now_utc() }}"}},
    )
    made = imported(document, "things", {})
    assert [one.path for one in made.notes] == [
        "/streams/0/retriever/requester/request_parameters/day",
        "/streams/0/retriever/record_selector/record_filter",
        "/streams/0/transformations/0",
    ]
    assert all(one.hint for one in made.notes)


@pytest.mark.parametrize(
    "text", ["{{ 7*7 }}", "{{ ''.__class__ }}", "{% for x in y %}", "{{ config.a }}", "{{ x | f }}"]
)
def test_templates_are_read_and_never_run(text: str):
    with pytest.raises(Beyond):
        filled(text, {}, {})


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"streams": [{"retriever": {"type": "CustomRetriever", "class_name": "source.x.Y"}}]}, "import.custom"),
        ({"streams": ["#/definitions/a"], "definitions": {"a": {"$ref": "#/definitions/a"}}}, "import.reference"),
        ({"streams": [{"$ref": "https://evil.example.com/x"}]}, "import.reference"),
        ({"streams": ["#/d/9"], "d": {"0": {"x": 1}, **{str(n): {c: f"#/d/{n - 1}" for c in "abcdefgh"}
                                                            for n in range(1, 10)}}}, "import.size"),
        ({}, "import.manifest"),
        (stream(requester={"url_base": "{{ config.host }}"}), "import.nothing"),
    ],
    ids=["code", "circle", "abroad", "bomb", "empty", "option"],
)  # fmt: skip
def test_what_is_refused_has_a_code(document: dict[str, Any], code: str):
    with pytest.raises(ConfigError) as refused:
        imported(document, "s", {})
    assert refused.value.code == code


def test_the_command_writes_a_profile_that_check_accepts(tmp_path: Path, fixtures: Path):
    manifest = fixtures / "peers" / "airbyte" / "source-todoist" / "manifest.yaml"
    work = tmp_path / "work"
    assert cophub("init", str(work)).code == 0
    said = cophub("-w", str(work), "import", "airbyte", str(manifest), "--out", str(work / "new"), "--json")
    assert said.code == 0, said.err
    assert said.json["resources"] == ["projects", "tasks"]
    for path in said.json["files"]:
        (work / path).parent.mkdir(exist_ok=True)
        (work / path).write_bytes((work / "new" / path).read_bytes())
    found = cophub("-w", str(work), "check", "--json").json["findings"]
    assert [one for one in found if "todoist" in one["path"] and one["level"] == "error"] == []
    assert "/tasks" in (work / "config/profiles/todoist.yaml").read_text("utf-8")
    bomb = tmp_path / "manifest.yaml"
    bomb.write_text("a: &a [1]\nb: *a\n", encoding="utf-8")
    refused = cophub("-w", str(work), "import", "airbyte", str(bomb), "--system", "bomb")
    assert refused.code == 65
    assert "code   import.manifest\n" in refused.err
