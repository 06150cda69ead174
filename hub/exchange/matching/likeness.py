"""Likeness as SQL: the forms in which values are compared, how alike two forms are, and the score.

The score of a pair is the weighted mean of its fields' likenesses. A likeness under FLOOR counts as 0:
names of strangers are half alike by chance. A field that one side lacks says little: it counts half its
weight, half alike, so that it neither matches nor punishes fully.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.exchange.runfile import sql_name, sql_text
from hub.workspace.matching import BLOCK, LISTED, MatchRule
from hub.workspace.shape import ModelField, ModelFile

FLOOR = 0.7
FAINT = 0.6
"""Counts in a rule with prior only."""
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
    swap: str | None = None
    bits: list[float] | None = None

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
        Part(
            name, number, one.by or comparator(model.fields[name]), one.weight, one.least, one.swap, one.bits
        )
        for number, (name, one) in enumerate(rule.compared.items())
    ]
    for name in blocked(rule):
        if name not in rule.compared:
            found.append(Part(name, len(found), comparator(model.fields[name]), 0.0, None))
    return found


def blocked(rule: MatchRule, number: int | None = None) -> list[str]:
    """The fields that the rule's blocks read, or one of them."""
    entries = rule.block if number is None else [rule.block[number]]
    keys = [key for entry in entries for key in ([entry] if isinstance(entry, str) else entry)]
    found = [one for key in keys if (one := BLOCK.fullmatch(key))]
    return list(dict.fromkeys(name for one in found for name in (one["field"], one["other"]) if name))


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
    if part.by in ("exact", "email"):
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
        if found["form"] == "either":
            both = f"[{_key('sound', part, 0)}, {_key('sound', known[found['other']], 0)}]"
            sql = f"list_filter({both}, lambda w: w <> '')"
        else:
            sql = _key(found["form"] or "", part, int(found["count"] or 0))
        if found["form"] in LISTED:
            many = True
        keys.append((sql, found["form"] in LISTED))
    single = [sql for sql, several in keys if not several]
    listed = [sql for sql, several in keys if several]
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


def likeness(part: Part, other: Part | None = None) -> str:
    """How alike ``l`` and ``r`` are in one field, or crosswise in two, 0 to 1; NULL where one has no value."""
    other = other or part
    left, right = part.column("n", "l"), other.column("n", "r")
    if part.by == "exact":
        return f"CASE WHEN {left} = {right} THEN 1.0 WHEN {left} <> {right} THEN 0.0 END"
    between = {"digits": _digits, "date": _dates, "number": _numbers, "email": _emails}.get(part.by)
    told = between(left, right) if between else _spoken(part, other)
    return f"CASE WHEN {left} IS NULL OR {right} IS NULL THEN NULL WHEN {left} = {right} THEN 1.0 ELSE {told} END"


def likenesses(compared: list[Part]) -> str:
    """Columns q0, q1 … of likenesses, and x0 … where a field may be mixed up with another: ``crossed`` takes them."""
    by_name = {part.name: part for part in compared}
    columns = [f"{likeness(part)} AS q{part.number}" for part in compared]
    for part in compared:
        if part.swap is not None:
            other = by_name[part.swap]
            columns += [
                f"{likeness(part, other)} AS x{part.number}",
                f"{likeness(other, part)} AS x{other.number}",
            ]
    return ", ".join(columns)


def crossed(compared: list[Part]) -> str:
    """The same columns with the crosswise likenesses where those of both fields together are higher."""
    by_name = {part.name: part for part in compared}
    taken: dict[int, str] = {}
    for part in compared:
        if part.swap is not None:
            a, b = part.number, by_name[part.swap].number
            across, straight = (
                " + ".join(f"CASE WHEN {one}{n} >= {FLOOR} THEN {one}{n} ELSE 0 END" for n in (a, b))
                for one in "xq"
            )
            test = f"{across} > {straight}"
            taken |= {one: f"CASE WHEN {test} THEN x{one} ELSE q{one} END AS q{one}" for one in (a, b)}
    return ", ".join(taken.get(part.number, f"q{part.number}") for part in compared)


def _digits(left: str, right: str) -> str:
    shorter = f"least(length({left}), length({right}))"
    tail = f"right({left}, {shorter}) = right({right}, {shorter})"
    return (
        f"CASE WHEN {shorter} >= 7 AND {tail} THEN 1.0 "
        f"ELSE greatest(0.0, 1.0 - 2.0 * levenshtein({left}, {right}) / greatest(length({left}), length({right}))) END"
    )


def _emails(left: str, right: str) -> str:
    """A letter in eight wrong, two at most, or the same user at a domain that is alike. What only begins the same, or
    has the domain in common, is faintly alike: anna.berg@ is not anna.bauer@."""
    users, domains = (
        f"split_part({left}, '@', {number}) = split_part({right}, '@', {number})" for number in (1, 2)
    )
    alike = f"jaro_winkler_similarity({left}, {right}) >= 0.9"
    return (
        f"CASE WHEN damerau_levenshtein({left}, {right}) <= least(2, length({left}) // 8) THEN 0.95 "
        f"WHEN {users} AND {alike} THEN 0.9 WHEN {users} OR {domains} OR {alike} THEN {FAINT} ELSE 0.0 END"
    )


def _dates(left: str, right: str) -> str:
    """Day and month changed places, or one digit is wrong; faintly alike where two are."""
    l_text, r_text = (f"strftime({one}, '%Y%m%d')" for one in (left, right))
    return (
        f"CASE WHEN year({left}) = year({right}) AND month({left}) = day({right}) AND day({left}) = month({right}) "
        f"THEN 0.9 ELSE CASE damerau_levenshtein({l_text}, {r_text}) WHEN 1 THEN 0.85 WHEN 2 THEN {FAINT} "
        "ELSE 0.0 END END"
    )


def _numbers(left: str, right: str) -> str:
    """A tenth apart is not alike at all."""
    return f"greatest(0.0, 1.0 - 10.0 * abs({left} - {right}) / greatest(abs({left}), abs({right})))"


def _spoken(part: Part, other: Part) -> str:
    """Two Chinese texts by their syllables, a Chinese and a Latin one by typos, others by Jaro and Winkler; words
    in any order."""
    (lh, lj, lk, ls), (rh, rj, rk, rs) = (
        tuple(one.column(letter, side) for letter in "hjks") for one, side in ((part, "l"), (other, "r"))
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


def why(compared: list[Part], counted: dict[str, str]) -> str:
    """JSON of likeness and what it ``counted`` (weight, bits) per field, of columns q0, q1 …"""
    told = ", ".join(
        f"{sql_text(part.name)}, json_object('likeness', round(q{part.number}, 4), {counted[part.name]}, "
        f"'by', {sql_text(part.by)})"
        for part in compared
    )
    return f"CAST(json_object({told}) AS VARCHAR)"


def form_columns(known: list[Part]) -> list[str]:
    """The names of all forms of a side."""
    return [part.column(letter) for part in known for letter in ("nhjks" if part.by in SPOKEN else "n")]
