"""Pages out of templates: everything that is filled in is escaped, and no page runs a script that stands in it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from hub.portal.words import LANGUAGES, say

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}
FOREVER: Final = "public, max-age=31536000, immutable"
KINDS: Final[Mapping[str, str]] = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


class Pages:
    """The templates, with what all of them may ask, and the files beside them under names that change with their
    content."""

    def __init__(self, **shared: Any) -> None:
        self.static: Mapping[str, tuple[bytes, str]] = {
            one.name: (one.read_bytes(), KINDS[one.name.rpartition(".")[2]])
            for one in files("hub.portal").joinpath("static").iterdir()
            if one.name.rpartition(".")[2] in KINDS
        }
        self._templates = Environment(
            loader=PackageLoader("hub.portal"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._templates.globals |= {"static": self.address, "languages": LANGUAGES, **shared}

    def address(self, name: str) -> str:
        """Where a file is; browsers may keep it for ever."""
        return f"/portal/static/{name}?{hashlib.sha256(self.static[name][0]).hexdigest()[:12]}"

    def text(self, template: str, language: str, filled: Mapping[str, Any]) -> str:
        """A template filled in; ``t`` says a text of ``words`` in the language."""
        spoken = "zh" if language.partition("-")[0].lower() == "zh" else "en"
        return self._templates.get_template(template).render(
            {"t": partial(say, spoken), "lang": "zh-CN" if spoken == "zh" else "en", "spoken": spoken, **filled}
        )

    def page(self, template: str, language: str, filled: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """The same as an answer."""
        return HTMLResponse(self.text(template, language, filled), status, {"vary": "cookie, accept-language"})
