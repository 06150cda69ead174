"""What the pages of reviews say, in English and Chinese; see ``words``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "operators.reviews": ("Reviews", "人工复核"),
    "operators.reviews.open": ("Open", "待复核"),
    "operators.reviews.decided": ("Decided", "已裁定"),
    "operators.reviews.superseded": ("Settled by themselves", "已自行解决"),
    "operators.reviews.none": ("Nobody has to decide anything here.", "没有需要人工裁定的记录。"),
    "operators.reviews.all": ("Of all exchanges", "全部数据交换"),
    "operators.review": ("Review", "人工复核"),
    "operators.review.candidates": ("{count} candidates", "{count} 个候选"),
    "operators.review.candidates.one": ("1 candidate", "1 个候选"),
    "operators.review.candidates.none": ("no candidate", "无候选"),
    "operators.review.beside": ("The record beside its candidates", "记录与候选对照"),
    "operators.review.record": ("This record", "此记录"),
    "operators.review.candidate": ("Candidate {number}", "候选 {number}"),
    "operators.review.rule": ("Found by", "匹配依据"),
    "operators.review.differs": ("differs", "不同"),
    "operators.review.like": ("{share} % alike", "相似度 {share}%"),
    "operators.review.decide": ("Is it the same?", "是否为同一条记录？"),
    "operators.review.reason": ("Why? It is kept with the decision.", "原因（将随裁定一并保存）"),
    "operators.review.link": ("Same as candidate {number}", "与候选 {number} 相同"),
    "operators.review.create": ("It is a new one", "是新记录"),
    "operators.review.reject": ("None of them", "都不是"),
    "operators.review.merge": ("All are one", "全部为同一条"),
    "operators.review.merge.told": (
        "“All are one” also merges the candidates; cophub review unmerge undoes it.",
        "“全部为同一条”会同时合并各候选，可用 cophub review unmerge 撤销。",
    ),
    "operators.review.waits": (
        "It is decided. The next run of {exchange} follows it.",
        "已裁定，将在 {exchange} 下次运行时生效。",
    ),
    "operators.review.said": ("What was decided", "裁定记录"),
    "operators.review.said.link": ("it is {entity}", "与 {entity} 相同"),
    "operators.review.said.create": ("it is a new one", "是新记录"),
    "operators.review.said.reject": ("it is not {entity}", "不是 {entity}"),
}  # fmt: skip
ERRORS: Final[Mapping[str, tuple[str, str]]] = {
    "review.reason": ("Say why; it is kept.", "请填写原因，原因将被记录。"),
    "review.closed": ("Somebody else decided it just now.", "该复核刚刚已由他人裁定。"),
    "review.unknown": ("There is no such review.", "没有该复核。"),
    "review.candidates": ("It has no candidates to decide about.", "没有可供裁定的候选。"),
    "review.unique": (
        "A new one would share a value that only one may have: link it, or mend it in its source.",
        "新记录会与已有记录的唯一值冲突，请关联到已有记录或在来源系统中修正。",
    ),
}  # fmt: skip
