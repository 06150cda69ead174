"""How the pages of a stream follow each other, in the words of the connector rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from hub.workspace.airbyte.literals import Beyond, Path, path_of, read_path

Left = Callable[[str, str, str], None]
_PLACES = {"request_parameter": "query", "body_json": "body"}


def paging_of(rule: Any, left: Left) -> dict[str, Any] | None:
    """``paging:`` of a resource; None where one answer holds everything. Beyond where it cannot be said."""
    if not isinstance(rule, dict) or rule.get("type") == "NoPagination":
        return None
    strategy = rule.get("pagination_strategy")
    if not isinstance(strategy, dict):
        return None
    token, size = rule.get("page_token_option") or {}, rule.get("page_size_option") or {}
    made = _sized(size, strategy.get("page_size"))
    kind = strategy.get("type")
    if kind == "CursorPagination":
        return _cursor(strategy, token, made, left)
    param, place = token.get("field_name"), _PLACES.get(str(token.get("inject_into")))
    if not param or place is None:
        raise Beyond("a page that is asked for by neither a parameter nor the body")
    made |= {"param": str(param), **({"into": place} if place != "query" else {})}
    if kind == "OffsetIncrement":
        return {"offset": made}
    if kind == "PageIncrement":
        return {"page": {**made, "start": int(strategy.get("start_from_page") or 0)}}
    raise Beyond(f"pages of the kind {kind}")


def _sized(option: Mapping[str, Any], size: Any) -> dict[str, Any]:
    if not isinstance(size, int) or isinstance(size, bool):
        return {}
    made: dict[str, Any] = {"size": size}
    if option.get("field_name") and option.get("inject_into") in _PLACES:
        made["size_param"] = str(option["field_name"])
    return made


def _cursor(strategy: Mapping[str, Any], token: Mapping[str, Any], made: dict[str, Any], left: Left) -> dict[str, Any]:
    value = read_path(strategy.get("cursor_value"))
    if value is None or value.root not in ("response", "headers", "last_record"):
        raise Beyond("the next page is computed")
    if value.root == "headers":
        if value.steps[:2] == ("link", "next"):
            return {"link_header": {}}
        raise Beyond("the next page stands in a header")
    more = _more(strategy.get("stop_condition"), value, left)
    made |= {"more": more} if more else {}
    if token.get("type") == "RequestPath":
        return {"cursor": {**made, "url": value.dotted}}
    param, place = token.get("field_name"), _PLACES.get(str(token.get("inject_into")))
    if not param or place is None:
        raise Beyond("a page that is asked for by neither a parameter nor the body")
    made |= {"into": place} if place != "query" else {}
    if value.root == "last_record":
        return {"last": {**made, "params": {str(param): value.dotted}}}
    return {"cursor": {**made, "param": str(param), "from": value.dotted}}


def _more(condition: Any, value: Path, left: Left) -> str | None:
    """The path of a flag that says whether more follows, where the condition is one; that there is no next page, or
    that it is null, ends reading anyway."""
    if not condition:
        return None
    found = re.fullmatch(r"\s*\{\{(.{0,300}?)\}\}\s*", str(condition), re.DOTALL)
    inside = found[1].strip() if found else ""
    if negated := re.fullmatch(r"not\s+(.+)|(.+?)\s+(?:is|==)\s+(?:false|False)", inside):
        flag = path_of(negated[1] or negated[2])
        if flag is not None and flag.root == "response":
            return None if flag.steps == value.steps else flag.dotted
    if missing := re.fullmatch(r"['\"](\w+)['\"]\s+not\s+in\s+(.+)", inside):
        holder = path_of(missing[2])
        if holder is not None and (*holder.steps, missing[1]) == value.steps:
            return None
    if nothing := re.fullmatch(r"(.+?)\s*(?:==|is)\s*(?:['\"](?:null|None)?['\"]|none|None|null)", inside):
        other = path_of(nothing[1])
        if other is not None and other.steps == value.steps:
            return None
    left("/pagination_strategy/stop_condition", f"the end of the list: {' '.join(str(condition).split())[:100]}",
         "nothing, where the last page gives no next one; else write more: below paging")  # fmt: skip
    return None
