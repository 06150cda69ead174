"""What the pages of mappings say, in English and Chinese; see ``words``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "operators.mappings": ("Mappings", "映射"),
    "operators.mapping.source": ("As it is written", "映射源码"),
    "operators.mapping.tests": ("Its tests", "映射测试"),
    "operators.mapping.tests.count": ("{count} tests", "{count} 个测试"),
    "operators.mapping.tests.none": ("no test", "无测试"),
    "operators.mapping.test": ("Case {number}", "用例 {number}"),
    "operators.mapping.ok": ("passed", "通过"),
    "operators.mapping.failed": ("failed", "未通过"),
    "operators.mapping.expected": ("expected {expected}, got {actual}", "应为 {expected}，实际 {actual}"),
    "operators.mapping.fields": ("Its fields", "字段"),
    "operators.mapping.into": ("Into", "目标字段"),
    "operators.mapping.expression": ("Expression", "表达式"),
    "operators.mapping.from": ("From", "来源字段"),
    "operators.mapping.by": ("Mapping", "映射"),
    "operators.mapping.constant": ("a constant", "常量"),
    "operators.lineage": ("The way of a field", "字段血缘"),
    "operators.lineage.drawing": ("From sources at the left to targets at the right", "左侧为来源，右侧为目标"),
    "operators.lineage.more": ("It goes on beyond what is shown.", "还有更多，未全部显示。"),
}  # fmt: skip
