"""Chinese names in Latin letters, so that 王伟, Wang Wei and wangwei meet. Distinct values only.

``romanised`` (kind, text, sound): the syllables of a text, blank between them, without tones. Of the kind
``name`` the first one or two characters are a surname and read as such: 曾 is zeng, 欧阳 one syllable.
"""

from __future__ import annotations

import unicodedata
from functools import cache

import pyarrow as pa

from hub.exchange.runfile import RunFile, sql_name, sql_text

HAN = r"\p{Han}"
BATCH = 50_000

# Characters that sound otherwise as a surname, and surnames of two characters.
SURNAMES = {
    "曾": "zeng", "单": "shan", "單": "shan", "仇": "qiu", "解": "xie", "区": "ou", "區": "ou", "查": "zha",
    "翟": "zhai", "盖": "ge", "蓋": "ge", "任": "ren", "朴": "piao", "乐": "yue", "樂": "yue", "召": "shao",
    "冼": "xian", "缪": "miao", "繆": "miao", "种": "chong", "秘": "bi", "覃": "qin", "折": "she", "员": "yun",
    "黑": "he", "华": "hua", "華": "hua", "尹": "yin", "纪": "ji", "紀": "ji", "洗": "xian", "石": "shi",
    "沈": "shen", "宓": "mi", "晟": "cheng", "么": "yao", "乜": "nie", "郗": "xi", "逄": "pang", "繁": "po",
}  # fmt: skip
COMPOUND = {
    "欧阳", "歐陽", "司马", "司馬", "诸葛", "諸葛", "上官", "夏侯", "皇甫", "尉迟", "尉遲", "公孙", "公孫", "慕容",
    "令狐", "宇文", "长孙", "長孫", "司徒", "端木", "南宫", "南宮", "东方", "東方", "轩辕", "軒轅", "独孤", "獨孤",
    "百里", "呼延", "闻人", "聞人",
}  # fmt: skip
READ_AS = {"尉迟": "yuchi", "尉遲": "yuchi", "长孙": "zhangsun", "長孫": "zhangsun"}


def romanise(run: RunFile, kind: str, table: str, column: str) -> None:
    """Add to ``romanised`` the Chinese texts of a column that are not there yet."""
    query = (
        f"SELECT DISTINCT {sql_name(column)} AS text FROM {table} t WHERE regexp_matches({sql_name(column)}, '{HAN}') "
        f"AND NOT EXISTS (SELECT 1 FROM romanised r WHERE r.kind = {sql_text(kind)} AND r.text = t.{sql_name(column)})"
    )
    if not run.one(f"SELECT count(*) FROM {table} WHERE regexp_matches({sql_name(column)}, '{HAN}')"):
        return
    with run.beside() as other:
        for batch in run.reader(query, BATCH):
            texts = [str(text) for text in batch.column("text").to_pylist()]
            sounds = _sounds(texts, kind)
            other.append(
                "arrived_sound", pa.table({"kind": [kind] * len(texts), "text": texts, "sound": sounds})
            )
    run.sql("INSERT INTO romanised SELECT * FROM arrived_sound")
    run.sql("DELETE FROM arrived_sound")


def start(run: RunFile) -> None:
    """Fresh tables."""
    for name in ("romanised", "arrived_sound"):
        run.sql(f"CREATE OR REPLACE TABLE {name} (kind VARCHAR, text VARCHAR, sound VARCHAR)")


def _sounds(texts: list[str], kind: str) -> list[str]:
    """All at once: one pass over one long text."""
    if kind == "name":
        texts = [_with_surname(text) for text in texts]
    spoken = "\n".join(texts).translate(_syllables())
    return [" ".join(line.split()) for line in spoken.split("\n")]


def _with_surname(text: str) -> str:
    two = text[:2]
    if len(text) > 2 and two in COMPOUND:
        read = READ_AS.get(two) or two.translate(_syllables()).replace(" ", "")
        return f" {read} {text[2:]}"
    read = SURNAMES.get(text[0], "")
    return f" {read} {text[1:]}" if read else text


@cache
def _syllables() -> dict[int, str]:
    """Character → its most usual syllable, with blanks around."""
    from pypinyin.pinyin_dict import pinyin_dict  # noqa: PLC0415 (a large table, needed by few)

    return {number: f" {_plain(readings.partition(',')[0])} " for number, readings in pinyin_dict.items()}


def _plain(syllable: str) -> str:
    """Without tone; ü as v."""
    parts = unicodedata.normalize("NFD", syllable.translate({ord(one): "v" for one in "üǖǘǚǜ"}))
    return "".join(part for part in parts if not unicodedata.combining(part))
