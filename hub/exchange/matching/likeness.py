"""Likeness as SQL: the forms in which values are compared, how alike two forms are, and the score.

The score of a pair is the weighted mean of its fields' likenesses. A likeness under FLOOR counts as 0:
names of strangers are half alike by chance. A field that one side lacks says little: it counts half its
weight, half alike, so that it neither matches nor punishes fully.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.exchange.runfile import sql_name, sql_text
from hub.workspace.matching import BLOCK, MatchRule
from hub.workspace.shape import ModelField, ModelFile

FLOOR = 0.7
MISSING_WEIGHT, MISSING_LIKENESS = 0.5, 0.5
TRANSCRIBED = 0.95
SPOKEN = ("text", "name", "company")
LEGAL = (
    "gmbh|mbh|ag|kg|kgaa|ohg|gbr|ug|se|ltd|limited|inc|incorporated|corp|corporation|co|company|llc|llp|lp|plc|"
    "pty|pte|bv|nv|sa|sas|sarl|srl|spa|sl|oy|oyj|ab|as|aps|kk|holding|holdings|group"
)
LEGAL_HAN = (
    "股份有限公司|有限责任公司|有限責任公司|集团有限公司|集團有限公司|有限公司|股份公司|集团公司|集團公司|"
    "总公司|總公司|公司|集团|集團|株式会社|株式會社"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One compared field: its number among the rule's forms, comparator, weight and least likeness."""

    name: str
    number: int
    by: str
    weight: float
    least: float | None

    def column(self, letter: str, side: str = "") -> str:
        """A form's column: n the value, h whether Chinese, j its letters, k its words sorted, s its syllables."""
        return f"{side}.{letter}{self.number}" if side else f"{letter}{self.number}"


def comparator(field: ModelField) -> str:
    """What suits a field's type."""
    if field.type in ("date", "datetime"):
        return "date"
    if field.type in ("integer", "decimal"):
        return "number"
    if field.type == "text":
        return "digits" if field.format == "phone" else "text"
    return "exact"


def parts(rule: MatchRule, model: ModelFile) -> list[Part]:
    """The compared fields, then those that only make blocks (weight 0)."""
    found = [
        Part(name, number, one.by or comparator(model.fields[name]), one.weight, one.least)
        for number, (name, one) in enumerate(rule.compared.items())
    ]
    for name in blocked(rule):
        if name not in rule.compared:
            found.append(Part(name, len(found), comparator(model.fields[name]), 0.0, None))
    return found


def blocked(rule: MatchRule) -> list[str]:
    """The fields that the rule's blocks read."""
    keys = [key for entry in rule.block for key in ([entry] if isinstance(entry, str) else entry)]
    return list(dict.fromkeys(found["field"] for key in keys if (found := BLOCK.fullmatch(key))))


# ---------------------------------------------------------------- forms


def plain_form(part: Part) -> str:
    """The value as it is compared, of the column of its field."""
    raw = sql_name(part.name)
    if part.by == "date":
        return f"TRY_CAST(left(CAST({raw} AS VARCHAR), 10) AS DATE)"
    if part.by == "number":
        return f"TRY_CAST({raw} AS DOUBLE)"
    text = f"CAST({raw} AS VARCHAR)"
    if part.by == "digits":
        return f"nullif(ltrim(regexp_replace({text}, '[^0-9]', '', 'g'), '0'), '')"
    if part.by == "exact":
        return f"nullif(lower(trim({text})), '')"
    words = rf"trim(regexp_replace(strip_accents(lower({text})), '[^\p{{L}}\p{{N}}]+', ' ', 'g'))"
    if part.by == "company":
        bare = (
            rf"trim(regexp_replace(regexp_replace({words}, '\b({LEGAL})\b', ' ', 'g'), '({LEGAL_HAN})$', ''))"
        )
        words = rf"coalesce(nullif(regexp_replace({bare}, ' +', ' ', 'g'), ''), {words})"
    return f"nullif({words}, '')"


def spoken_forms(part: Part) -> str:
    """h, j, k and s of a text; ``r{number}`` is its row of ``romanised``, if it has one."""
    n, sound = part.column("n"), f"coalesce(r{part.number}.sound, {part.column('n')})"
    words = f"string_split({sound}, ' ')"
    sorted_words = f"array_to_string(list_sort({words}), '')"
    if part.by == "name":  # the surname and the rest of a Chinese name are its two words
        two = f"list_sort([({words})[1], array_to_string(({words})[2:], '')])"
        sorted_words = (
            f"CASE WHEN r{part.number}.sound IS NULL THEN {sorted_words} ELSE array_to_string({two}, '') END"
        )
    return (
        f"{n}, r{part.number}.sound IS NOT NULL AS {part.column('h')}, "
        f"replace({sound}, ' ', '') AS {part.column('j')}, "
        f"{sorted_words} AS {part.column('k')}, "
        f"CASE WHEN r{part.number}.sound IS NOT NULL THEN list_distinct({words}) END AS {part.column('s')}"
    )


def block_key(entry: str | list[str], known: dict[str, Part]) -> tuple[str, bool]:
    """SQL of one pass's key over the forms, and whether it is a list of keys."""
    keys, many = [], False
    for key in [entry] if isinstance(entry, str) else entry:
        found = BLOCK.fullmatch(key)
        assert found is not None, key
        part = known[found["field"]]
        sql = _key(found["form"] or "", part, int(found["count"] or 0))
        if found["form"] == "words":
            many = True
        keys.append((sql, found["form"] == "words"))
    single = [sql for sql, words in keys if not words]
    listed = [sql for sql, words in keys if words]
    filled = " AND ".join(f"({sql}) IS NOT NULL AND ({sql}) <> ''" for sql in single) or "true"
    joined = ", ".join(single) or "''"
    if not many:
        return f"CASE WHEN {filled} THEN hash({joined}) END", False
    return (
        f"CASE WHEN {filled} THEN list_transform(list_distinct({listed[0]}), lambda w: hash(w, {joined})) END",
        True,
    )


def _key(form: str, part: Part, count: int) -> str:
    n = part.column("n")
    spoken = part.by in SPOKEN
    if form == "sound":
        return part.column("k") if spoken else f"CAST({n} AS VARCHAR)"
    if form == "start":
        return f"left({part.column('j') if spoken else f'CAST({n} AS VARCHAR)'}, {count})"
    if form == "last":
        return f"right({part.column('j') if spoken else f'CAST({n} AS VARCHAR)'}, {count})"
    if form in ("year", "month"):
        return f"CAST({form}(TRY_CAST({n} AS DATE)) AS VARCHAR)"
    if form == "words":
        return (
            f"coalesce({part.column('s')}, string_split({n}, ' '))" if spoken else f"[CAST({n} AS VARCHAR)]"
        )
    return f"CAST({n} AS VARCHAR)"


# ---------------------------------------------------------------- likeness and score


def likeness(part: Part) -> str:
    """How alike ``l`` and ``r`` are in one field, 0 to 1; NULL where one of them has no value."""
    left, right = part.column("n", "l"), part.column("n", "r")
    if part.by == "exact":
        return f"CASE WHEN {left} = {right} THEN 1.0 WHEN {left} <> {right} THEN 0.0 END"
    between = {"digits": _digits, "date": _dates, "number": _numbers}.get(part.by)
    other = between(left, right) if between else _spoken(part)
    return f"CASE WHEN {left} IS NULL OR {right} IS NULL THEN NULL WHEN {left} = {right} THEN 1.0 ELSE {other} END"


def _digits(left: str, right: str) -> str:
    shorter = f"least(length({left}), length({right}))"
    tail = f"right({left}, {shorter}) = right({right}, {shorter})"
    return (
        f"CASE WHEN {shorter} >= 7 AND {tail} THEN 1.0 "
        f"ELSE greatest(0.0, 1.0 - 2.0 * levenshtein({left}, {right}) / greatest(length({left}), length({right}))) END"
    )


def _dates(left: str, right: str) -> str:
    """Day and month changed places, or one digit is wrong."""
    l_text, r_text = (f"strftime({one}, '%Y%m%d')" for one in (left, right))
    return (
        f"CASE WHEN year({left}) = year({right}) AND month({left}) = day({right}) AND day({left}) = month({right}) "
        f"THEN 0.9 WHEN levenshtein({l_text}, {r_text}) = 1 THEN 0.85 ELSE 0.0 END"
    )


def _numbers(left: str, right: str) -> str:
    """A tenth apart is not alike at all."""
    return f"greatest(0.0, 1.0 - 10.0 * abs({left} - {right}) / greatest(abs({left}), abs({right})))"


def _spoken(part: Part) -> str:
    """Two Chinese texts by their syllables, a Chinese and a Latin one by typos, others by Jaro and Winkler; words
    in any order."""
    (lh, lj, lk, ls), (rh, rj, rk, rs) = (
        tuple(part.column(letter, side) for letter in "hjks") for side in ("l", "r")
    )
    return (
        f"CASE WHEN {lh} AND {rh} THEN {TRANSCRIBED} * CASE WHEN {lj} = {rj} THEN 1.0 "
        f"ELSE len(list_intersect({ls}, {rs})) / greatest(len({ls}), len({rs})) END "
        f"WHEN {lh} <> {rh} THEN {TRANSCRIBED} * greatest({_typos(lj, rj)}, {_typos(lk, rk)}, 0.0) "
        f"ELSE greatest(jaro_winkler_similarity({lj}, {rj}), jaro_winkler_similarity({lk}, {rk})) END"
    )


def _typos(left: str, right: str) -> str:
    """A transcription is the same but for a typo: what only begins the same is another name."""
    return f"1.0 - 2.0 * levenshtein({left}, {right}) / greatest(length({left}), length({right}))"


def score(compared: list[Part]) -> str:
    """The weighted mean over columns q0, q1 … of likenesses; 0 where a field is less alike than it must be."""
    gained, weights, refused = [], [], []
    for part in compared:
        found = f"q{part.number}"
        counted = f"CASE WHEN {found} >= {FLOOR} THEN {found} WHEN {found} IS NOT NULL THEN 0.0 END"
        gained.append(f"{part.weight} * coalesce({counted}, {MISSING_WEIGHT * MISSING_LIKENESS})")
        weights.append(f"{part.weight} * CASE WHEN {found} IS NULL THEN {MISSING_WEIGHT} ELSE 1.0 END")
        if part.least is not None:
            refused.append(f"{found} < {part.least}")
    whole = f"round(({' + '.join(gained)}) / ({' + '.join(weights)}), 6)"
    return f"CASE WHEN {' OR '.join(refused)} THEN 0.0 ELSE {whole} END" if refused else whole


def why(compared: list[Part]) -> str:
    """JSON of likeness and weight per field, of columns q0, q1 …"""
    told = ", ".join(
        f"{sql_text(part.name)}, json_object('likeness', round(q{part.number}, 4), 'weight', {part.weight}, "
        f"'by', {sql_text(part.by)})"
        for part in compared
    )
    return f"CAST(json_object({told}) AS VARCHAR)"


def form_columns(known: list[Part]) -> list[str]:
    """The names of all forms of a side."""
    return [part.column(letter) for part in known for letter in ("nhjks" if part.by in SPOKEN else "n")]
