"""From streams of a manifest to resources of the connector rest. What is not carried over is noted, with its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.errors import ConfigError
from hub.workspace.airbyte.literals import SLICES, Beyond, filled, read_path
from hub.workspace.airbyte.paging import paging_of
from hub.workspace.airbyte.resolving import PARAMETERS, Resolver, custom_code

MOST_VALUES: Final = 20
KNOWN_RETRIES: Final = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Note:
    """What is not carried over: its path in the manifest, why, and what to do."""

    path: str
    why: str
    hint: str


@dataclass
class Imported:
    """``resources`` and ``settings`` of the profile; ``auth`` and ``url`` of the system."""

    url: str = ""
    auth: dict[str, Any] = field(default_factory=dict)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    def note(self, path: str, why: str, hint: str) -> None:
        made = Note(path, why, hint)
        if made not in self.notes:
            self.notes.append(made)


def imported(document: Mapping[str, Any], system: str, config: Mapping[str, str]) -> Imported:
    """Translate a manifest. ConfigError ``import.custom`` where it names code, ``import.*`` where it cannot be read."""
    if places := list(custom_code(document)):
        raise ConfigError(
            "import.custom", f"the manifest runs code of its own: {', '.join(places[:5])}",
            hint="only what is declared is carried over: declare this system by hand, see the connector rest",
        )  # fmt: skip
    made = Imported()
    for number, stream in enumerate(Resolver(document).streams()):
        _Stream(made, f"/streams/{number}", stream, system, config).translate()
    if not made.resources:
        raise ConfigError("import.nothing", "no stream could be carried over", hint="; ".join(
            f"{one.path}: {one.why}" for one in made.notes[:3]
        ))  # fmt: skip
    return made


def given(component: Mapping[str, Any], name: str) -> Any:
    """What a component says of itself, or what is handed down to it."""
    return component.get(name) or component.get(PARAMETERS, {}).get(name)


@dataclass
class _Stream:
    """One stream on its way."""

    made: Imported
    place: str
    stream: Mapping[str, Any]
    system: str
    config: Mapping[str, str]

    def translate(self) -> None:
        name = str(given(self.stream, "name") or self.place.rpartition("/")[2])
        retriever = self.stream.get("retriever")
        requester = retriever.get("requester") if isinstance(retriever, dict) else None
        if not isinstance(requester, dict) or not isinstance(retriever, dict):
            self._left("/retriever", "there is no requester", "declare the resource by hand")
            return
        try:
            resource = self._resource(retriever, requester)
        except Beyond as beyond:
            self._left("", f"{name} is left out: {beyond}", "give what it asks for, or declare the resource by hand")
            return
        for title, values in self._slices(retriever, name):
            one = {**resource, "params": dict(resource["params"])}
            for slot, value in values.items():
                one["path"] = one["path"].replace(f"{{{slot}}}", value)
            one["params"] |= self._slice_params(retriever, values)
            self.made.resources[title] = {key: value for key, value in one.items() if value not in ({}, [], "", None)}

    def _resource(self, retriever: Mapping[str, Any], requester: Mapping[str, Any]) -> dict[str, Any]:
        self._same_system(requester)
        cursor = self._cursor(requester)
        method = str(given(requester, "http_method") or "GET").upper()
        if method not in ("GET", "POST"):
            raise Beyond(f"records are read by {method}")
        made: dict[str, Any] = {
            "path": "/" + self._text(given(requester, "path") or "", requester).lstrip("/"),
            "method": "POST" if method == "POST" else None,
            "params": self._params(requester, "request_parameters", cursor),
            "headers": self._params(requester, "request_headers", cursor),
            "records": self._records(retriever),
            "key": self._key(),
            "cursor": cursor,
            "paging": paging_of(retriever.get("paginator"), self._paging_left),
            "under": self._under(retriever),
        }
        body = requester.get("request_body_json")
        if body and method == "POST":
            made["body"] = self._params(requester, "request_body_json", cursor)
        elif requester.get("request_body_data"):
            at = "/retriever/requester/request_body_data"
            self._left(at, "a body that is no JSON", "declare the resource by hand")
        self._beside(retriever, requester)
        return made

    # ---------------------------------------------------------------- the system

    def _same_system(self, requester: Mapping[str, Any]) -> None:
        try:
            url = self._text(given(requester, "url_base") or "", requester).rstrip("/")
        except Beyond as beyond:
            raise Beyond(f"url_base: {beyond}") from None
        auth = self._auth(requester.get("authenticator"))
        if self.made.resources and (url, auth) != (self.made.url, self.made.auth):
            raise Beyond("its address or credentials are not those of the streams before it: make a system of its own")
        self.made.url, self.made.auth = url, auth

    def _secret(self, text: Any, what: str) -> str:
        path = read_path(text)
        name = path.steps[-1] if path and path.root == "config" and path.steps else what
        return f"secret://{self.system}/{re.sub(r'[^A-Za-z0-9_.-]', '-', name)}"

    def _auth(self, rule: Any) -> dict[str, Any]:
        if not isinstance(rule, dict) or rule.get("type") == "NoAuth":
            return {}
        kind = rule.get("type")
        if kind == "BearerAuthenticator":
            return {"bearer": {"token": self._secret(rule.get("api_token"), "token")}}
        if kind == "BasicHttpAuthenticator":
            if not rule.get("password"):
                return {"basic": {"key": self._secret(rule.get("username"), "key")}}
            return {"basic": {"username": self._text(rule.get("username"), rule),
                              "password": self._secret(rule.get("password"), "password")}}  # fmt: skip
        if kind == "ApiKeyAuthenticator":
            return {"api_key": self._api_key(rule)}
        if kind == "OAuthAuthenticator":
            return {"oauth2": self._oauth(rule)}
        if kind == "SessionTokenAuthenticator":
            return {"login": self._session(rule)}
        raise Beyond(f"credentials of the kind {kind}")

    def _api_key(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        option = rule.get("inject_into") or {}
        place = option.get("inject_into", "header") if isinstance(option, dict) else "header"
        name = (option.get("field_name") if isinstance(option, dict) else None) or rule.get("header")
        token = str(rule.get("api_token") or "")
        prefix, _, rest = token.partition("{{")
        value = self._secret("{{" + rest if rest else token, "key")
        if place not in ("header", "request_parameter") or not name:
            raise Beyond(f"a key that goes into {place}")
        where = {"header": str(name)} if place == "header" else {"query": str(name)}
        return {**where, **({"prefix": prefix} if prefix and rest else {}), "value": value}

    def _oauth(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {
            "token_url": self._text(rule.get("token_refresh_endpoint"), rule),
            "client_id": self._text(rule.get("client_id"), rule),
            "client_secret": self._secret(rule.get("client_secret"), "client_secret"),
            "client_auth": "post",
        }
        if rule.get("scopes"):
            made["scope"] = " ".join(self._text(one, rule) for one in rule["scopes"])
        if rule.get("refresh_token"):
            made["refresh_token"] = self._secret(rule["refresh_token"], "refresh_token")
        return made

    def _session(self, rule: Mapping[str, Any]) -> dict[str, Any]:
        login, way = rule.get("login_requester"), rule.get("session_token_path")
        asked = rule.get("request_authentication") or {}
        if not isinstance(login, dict) or not isinstance(way, list):
            raise Beyond("a log-in without a requester")
        body, base = login.get("request_body_json") or {}, self._text(login.get("url_base"), login).rstrip("/")
        made: dict[str, Any] = {
            "url": f"{base}/{self._text(given(login, 'path') or '', login).lstrip('/')}",
            "token": ".".join(map(str, way)),
        }
        sent = {name: value for name, value in body.items() if name != PARAMETERS}
        secrets = {name: self._secret(value, name) for name, value in sent.items() if read_path(value)}
        values = {name: str(value) for name, value in sent.items() if name not in secrets}
        made |= {name: found for name, found in (("secrets", secrets), ("values", values)) if found}
        option = asked.get("inject_into") or {}
        if asked.get("type") == "Bearer":
            return {**made, "header": "Authorization", "prefix": "Bearer "}
        place = "query" if option.get("inject_into") == "request_parameter" else "header"
        return {**made, place: str(option.get("field_name") or "Authorization")}

    # ---------------------------------------------------------------- the resource

    def _text(self, text: Any, component: Mapping[str, Any]) -> str:
        return filled(text, component.get(PARAMETERS, {}), self.config)

    def _params(self, requester: Mapping[str, Any], what: str, cursor: dict[str, Any] | None) -> dict[str, str]:
        found = requester.get(what)
        made: dict[str, str] = {}
        if isinstance(found, str):
            self._left(f"/retriever/requester/{what}", "a text that is cut apart", "write params: by hand")
            return made
        for name, text in (found or {}).items():
            if name == PARAMETERS:
                continue
            path = read_path(text)
            if path and path.root == "stream_state":
                if cursor is None or path.steps != (cursor["field"],):
                    at = f"/retriever/requester/{what}/{name}"
                    self._left(at, "what the last run saw, of a stream without such a cursor", "nothing: all is read")
                else:
                    cursor["param"] = str(name)
                continue
            if path and path.root in SLICES:
                continue  # said by the router
            try:
                made[str(name)] = self._text(text, requester)
            except Beyond as beyond:
                at = f"/retriever/requester/{what}/{name}"
                self._left(at, str(beyond), f"write {name} below params: where it is needed")
        return made

    def _records(self, retriever: Mapping[str, Any]) -> str:
        extractor = (retriever.get("record_selector") or {}).get("extractor") or {}
        steps = given(extractor, "field_path") or []
        if isinstance(steps, str):
            steps = [steps]
        texts = [self._text(one, extractor) for one in steps]
        if any("*" in one or "." in one for one in texts):
            raise Beyond("records that lie at several places, or below a name with a dot")
        return ".".join(texts)

    def _key(self) -> list[str]:
        found = given(self.stream, "primary_key") or (self.stream.get("retriever") or {}).get("primary_key") or []
        names = [found] if isinstance(found, str) else found
        if any(not isinstance(one, str) for one in names):
            names = [".".join(one) if isinstance(one, list) else str(one) for one in names]
        return list(names)

    def _cursor(self, requester: Mapping[str, Any]) -> dict[str, Any] | None:
        rule = self.stream.get("incremental_sync")
        if not isinstance(rule, dict):
            return None
        made: dict[str, Any] = {"field": self._text(rule.get("cursor_field"), rule)}
        option = rule.get("start_time_option")
        if isinstance(option, dict):
            if option.get("inject_into") != "request_parameter":
                self._left("/incremental_sync/start_time_option", "it goes into no parameter", "write cursor: by hand")
            else:
                made["param"] = self._text(option.get("field_name"), rule)
                form = str(rule.get("datetime_format") or "")
                made |= {"format": {"%s": "epoch", "%ms": "epoch_ms"}.get(form, form)} if form else {}
        if rule.get("end_time_option") or rule.get("step"):
            hint = "nothing: what changed is asked for at once"
            self._left("/incremental_sync/step", "reading by spans of time", hint)
        return made

    def _under(self, retriever: Mapping[str, Any]) -> dict[str, Any] | None:
        router = retriever.get("partition_router")
        if not isinstance(router, dict) or router.get("type") != "SubstreamPartitionRouter":
            if isinstance(router, list):
                raise Beyond("lists below several others at once")
            return None
        parents = router.get("parent_stream_configs") or []
        if len(parents) != 1:
            raise Beyond("a list below several others")
        parent, option = parents[0], parents[0].get("request_option")
        name = str(given(parent.get("stream") or {}, "name") or "")
        slot = self._text(parent.get("partition_field"), router)
        if isinstance(option, dict):
            slot = self._text(option.get("field_name"), router)
        return {"resource": name, "give": {slot: self._text(parent.get("parent_key"), router)}}

    def _slices(self, retriever: Mapping[str, Any], name: str) -> list[tuple[str, dict[str, str]]]:
        """One resource per value of a list of values."""
        router = retriever.get("partition_router")
        if not isinstance(router, dict) or router.get("type") != "ListPartitionRouter":
            return [(name, {})]
        values = router.get("values")
        if not isinstance(values, list) or len(values) > MOST_VALUES:
            at = "/retriever/partition_router/values"
            self._left(at, "values that are not listed, or too many", "declare a resource each")
            return []
        slot = str(router.get("cursor_field"))
        return [(f"{name}_{re.sub(r'[^A-Za-z0-9_]', '_', str(one))}", {slot: str(one)}) for one in values]

    @staticmethod
    def _slice_params(retriever: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, str]:
        option = (retriever.get("partition_router") or {}).get("request_option") if values else None
        if not isinstance(option, dict) or option.get("inject_into") != "request_parameter":
            return {}
        return {str(option.get("field_name")): next(iter(values.values()))}

    # ---------------------------------------------------------------- what is only told

    def _beside(self, retriever: Mapping[str, Any], requester: Mapping[str, Any]) -> None:
        condition = ((retriever.get("record_selector") or {}).get("record_filter") or {}).get("condition")
        if condition:
            at = "/retriever/record_selector/record_filter"
            self._left(at, f"records are filtered: {_flat(condition)}", "write it as where: of the mapping")
        for number, rule in enumerate(self.stream.get("transformations") or []):
            self._left(f"/transformations/{number}", f"records are changed: {_flat(rule.get('type'))}",
                       "write it as an expression of the mapping")  # fmt: skip
        self._handlers("/retriever/requester/error_handler", requester.get("error_handler"))

    def _handlers(self, at: str, rule: Any) -> None:
        if not isinstance(rule, dict):
            return
        for number, one in enumerate(rule.get("error_handlers") or []):
            self._handlers(f"{at}/error_handlers/{number}", one)
        for number, one in enumerate(rule.get("response_filters") or []):
            where, codes, action = f"{at}/response_filters/{number}", one.get("http_codes") or [], one.get("action")
            if action == "IGNORE":
                hint = "nothing: a refusal stops the run, as an empty list would look as if all were deleted"
                self._left(where, f"the answers {', '.join(map(str, codes))} count as empty lists", hint)
            elif action == "RETRY" and set(codes) <= KNOWN_RETRIES and codes:
                continue  # the hub does so anyway, and waits as Retry-After says
            else:
                self._left(where, f"an answer that means {action}", "see answers: of the connector rest")

    def _paging_left(self, path: str, why: str, hint: str) -> None:
        self._left(f"/retriever/paginator{path}", why, hint)

    def _left(self, path: str, why: str, hint: str) -> None:
        self.made.note(f"{self.place}{path}", why, hint)


def _flat(text: Any) -> str:
    return " ".join(str(text).split())[:120]


