"""What an error body of an OData service says."""

from __future__ import annotations

from typing import Any

from hub.errors import HubError
from hub.untrusted import parse_json, parse_xml

MOST = 5
"""Details shown; gateways repeat themselves."""


def said(body: bytes) -> str:
    """``[code] message; detail; detail`` out of V2, V4 or XML errors; empty where there is none."""
    try:
        error = _error_of(body)
    except HubError:
        return ""
    message = error.get("message")
    if isinstance(message, dict):
        message = message.get("value")
    inner = error.get("innererror") or error.get("innerError") or {}
    details = error.get("details") or (inner.get("errordetails") if isinstance(inner, dict) else None) or []
    if isinstance(details, dict):
        details = details.get("errordetail") or []
    texts = [f"[{error['code']}] {message}" if error.get("code") else str(message)] if message else []
    for one in details if isinstance(details, list) else []:
        if isinstance(one, dict) and one.get("message"):
            target = one.get("target") or one.get("propertyref") or ""
            texts.append(f"{target}: {one['message']}" if target else str(one["message"]))
    return "; ".join(list(dict.fromkeys(texts))[: MOST + 1])


def _error_of(body: bytes) -> dict[str, Any]:
    if body.lstrip().startswith(b"<"):
        root = parse_xml(body)
        texts = {str(one.tag).rpartition("}")[2]: (one.text or "").strip() for one in root.iter()}
        return {"code": texts.get("code"), "message": texts.get("message")}
    found = parse_json(body)
    error = found.get("error", found.get("odata.error")) if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}
