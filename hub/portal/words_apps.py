"""What the page of applications says, in English and Chinese; see ``words``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "apps": ("Applications", "应用"),
    "apps.search": ("Search applications", "搜索应用"),
    "apps.one": ("1 application", "1 个应用"),
    "apps.count": ("{count} applications", "{count} 个应用"),
    "apps.as": ("as {name}", "以 {name} 登录"),
    "apps.tab": ("(opens in a new tab)", "（在新标签页中打开）"),
    "apps.none": (
        "There is no application for you to open here. Who keeps a system can give you an account in it.",
        "暂无可打开的应用。如需开通账号，请联系相应系统的管理员。",
    ),
    "apps.none.found": ("No application is called {q}.", "没有名称包含“{q}”的应用。"),
    "pages": ("Pages", "页面"),
}
ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "app.unknown": (
        "There is no such application for you. It may have gone, or you have no account in its system.",
        "没有此应用可供您打开：它可能已下线，或您在其系统中没有账号。",
    ),
}
