"""The catalogue of functions, as text: signature, what it does, an example with its result.

``hub.mapping.functions`` reads it; the reference page shows it; the tests run it.
"""

from __future__ import annotations

TEXT = r"""
trim(text[, characters])
    Without blanks (or the characters given) at both ends.
    trim('  ACME ') => 'ACME'
ltrim(text[, characters])
    Without blanks at the start.
    ltrim('007', '0') => '7'
rtrim(text[, characters])
    Without blanks at the end.
    rtrim('ACME  ') => 'ACME'
upper(text)
    In capitals.
    upper('de') => 'DE'
lower(text)
    In small letters.
    lower('A@B.DE') => 'a@b.de'
length(text)
    Number of characters.
    length('张伟') => 2
left(text, count)
    The first characters.
    left('4711-01', 4) => '4711'
right(text, count)
    The last characters.
    right('4711-01', 2) => '01'
substring(text, start[, count])
    Part of a text; the first character is 1.
    substring('4711-01', 6, 2) => '01'
substr(text, start[, count])
    The same as substring.
    substr('4711-01', 6) => '01'
replace(text, what, by)
    Every occurrence replaced.
    replace('1.234', '.', '') => '1234'
translate(text, from, to)
    Characters replaced one by one.
    translate('a/b', '/', '-') => 'a-b'
reverse(text)
    Backwards.
    reverse('abc') => 'cba'
concat(value…)
    Texts joined; NULL counts as empty.
    concat('a', NULL, 'b') => 'ab'
concat_ws(separator, value…)
    Texts joined by a separator; NULL is left out.
    concat_ws(', ', 'a', NULL, 'b') => 'a, b'
starts_with(text, start)
    Whether a text starts so.
    starts_with('DE123', 'DE') => True
ends_with(text, end)
    Whether a text ends so.
    ends_with('a.csv', '.csv') => True
contains(text, part)
    Whether a text holds a part, or a list an element.
    contains('abc', 'b') => True
strpos(text, part)
    Where a part starts, 0 where it is missing.
    strpos('a-b', '-') => 2
split_part(text, separator, number)
    One part of a separated text.
    split_part('a;b;c', ';', 2) => 'b'
string_split(text, separator)
    A separated text as a list.
    string_split('a;b', ';') => ['a', 'b']
strip_accents(text)
    Without accents.
    strip_accents('Müller') => 'Muller'
nfc_normalize(text)
    Unicode in composed form.
    nfc_normalize('é') => 'é'
chr(number)
    The character of a code point.
    chr(65) => 'A'
format(pattern, value…)
    Values set into {} of a pattern.
    format('{}/{}', 'a', 'b') => 'a/b'
md5(text)
    MD5 as hexadecimal text.
    md5('a') => '0cc175b9c0f1b6a831c399e269772661'
sha256(text)
    SHA-256 as hexadecimal text.
    left(sha256('a'), 8) => 'ca978112'
levenshtein(a, b)
    Number of edits between two texts.
    levenshtein('abc', 'abd') => 1
jaro_winkler_similarity(a, b)
    Likeness of two texts, 0 to 1.
    jaro_winkler_similarity('abc', 'abc') => 1.0
to_base64(binary)
    Binary as Base64 text.
    to_base64('ab'::BLOB) => 'YWI='
lpad(text, length, character)
    Filled on the left to a length.
    lpad('42', 5, '0') => '00042'
rpad(text, length, character)
    Filled on the right to a length.
    rpad('42', 4, '-') => '42--'
repeat(text, count)
    A text several times.
    repeat('ab', 2) => 'abab'
"""

PATTERN = r"""
regexp_matches(text, pattern[, options])
    Whether a part of the text fits.
    regexp_matches('a1', '[0-9]') => True
regexp_full_match(text, pattern[, options])
    Whether the whole text fits.
    regexp_full_match('a1', '[a-z][0-9]') => True
regexp_extract(text, pattern[, group, options])
    The part that fits, or one group of it.
    regexp_extract('DE-4711', '([A-Z]+)-([0-9]+)', 2) => '4711'
regexp_extract_all(text, pattern[, group, options])
    All parts that fit.
    regexp_extract_all('a1b2', '[0-9]') => ['1', '2']
regexp_replace(text, pattern, by[, options])
    What fits replaced; option 'g' for all.
    regexp_replace('+49 30', '[^0-9]', '', 'g') => '4930'
regexp_split_to_array(text, pattern)
    A text split where the pattern fits.
    regexp_split_to_array('a, b;c', '[,;] *') => ['a', 'b', 'c']
"""

CONDITION = r"""
coalesce(value…)
    The first value that is not NULL.
    coalesce(NULL, 'b') => 'b'
ifnull(value, other)
    The other where the value is NULL.
    ifnull(NULL, 1) => 1
nullif(value, nothing)
    NULL where both are equal.
    nullif('N/A', 'N/A') => None
if(condition, then, otherwise)
    One of two values.
    if(1 < 2, 'yes', 'no') => 'yes'
greatest(value…)
    The largest.
    greatest(1, 3, 2) => 3
least(value…)
    The smallest.
    least(3, 1, 2) => 1
"""

NUMBER = r"""
abs(number)
    Without sign.
    abs(-5) => 5
round(number[, digits])
    Rounded, half away from zero.
    round(2.5)::VARCHAR => '3'
floor(number)
    Rounded down.
    floor(1.7)::INTEGER => 1
ceil(number)
    Rounded up.
    ceil(1.2)::INTEGER => 2
trunc(number)
    Without the digits after the point.
    trunc(-1.7)::INTEGER => -1
sign(number)
    -1, 0 or 1.
    sign(-3) => -1
mod(number, by)
    Remainder.
    mod(7, 3) => 1
power(number, exponent)
    Power.
    power(2, 10) => 1024.0
sqrt(number)
    Square root.
    sqrt(9) => 3.0
"""

DATE = r"""
year(date)
    Year.
    year(DATE '2026-02-03') => 2026
month(date)
    Month.
    month(DATE '2026-02-03') => 2
day(date)
    Day of the month.
    day(DATE '2026-02-03') => 3
hour(time)
    Hour.
    hour(TIMESTAMP '2026-02-03 04:05:06') => 4
minute(time)
    Minute.
    minute(TIMESTAMP '2026-02-03 04:05:06') => 5
second(time)
    Second.
    second(TIMESTAMP '2026-02-03 04:05:06') => 6
isodow(date)
    Weekday, Monday is 1.
    isodow(DATE '2026-02-03') => 2
week(date)
    ISO week.
    week(DATE '2026-02-03') => 6
quarter(date)
    Quarter.
    quarter(DATE '2026-02-03') => 1
date_part(part, date)
    One part of a date.
    date_part('year', DATE '2026-02-03') => 2026
date_trunc(part, date)
    Start of the year, month, day …
    date_trunc('month', DATE '2026-02-03')::DATE::VARCHAR => '2026-02-01'
date_diff(part, from, to)
    Borders of a part between two dates.
    date_diff('day', DATE '2026-01-01', DATE '2026-02-01') => 31
date_add(date, interval)
    A date plus an interval.
    date_add(DATE '2026-01-31', INTERVAL 1 MONTH)::DATE::VARCHAR => '2026-02-28'
last_day(date)
    Last day of the month.
    last_day(DATE '2026-02-03')::VARCHAR => '2026-02-28'
make_date(year, month, day)
    A date from numbers.
    make_date(2026, 2, 3)::VARCHAR => '2026-02-03'
make_timestamp(year, month, day, hour, minute, seconds)
    A time from numbers.
    make_timestamp(2026, 2, 3, 4, 5, 6.0)::VARCHAR => '2026-02-03 04:05:06'
strftime(date, format)
    A date as text.
    strftime(DATE '2026-02-03', '%Y%m%d') => '20260203'
strptime(text, format)
    A text as time; an error where it does not fit.
    strptime('03.02.2026', '%d.%m.%Y')::DATE::VARCHAR => '2026-02-03'
try_strptime(text, format)
    A text as time; NULL where it does not fit.
    try_strptime('x', '%Y') => None
epoch(time)
    Seconds since 1970.
    epoch(TIMESTAMP '1970-01-02 00:00:00') => 86400.0
epoch_ms(value)
    Milliseconds since 1970 of a time, or the time of milliseconds.
    epoch_ms(86400000)::VARCHAR => '1970-01-02 00:00:00'
to_timestamp(seconds)
    The time of seconds since 1970.
    (to_timestamp(0) AT TIME ZONE 'UTC')::VARCHAR => '1970-01-01 00:00:00'
to_days(number)
    An interval of days.
    (DATE '2026-02-03' + to_days(1))::DATE::VARCHAR => '2026-02-04'
to_months(number)
    An interval of months.
    (DATE '2026-02-03' + to_months(1))::DATE::VARCHAR => '2026-03-03'
"""

LIST = r"""
len(list)
    Number of elements, or of characters.
    len([1, 2]) => 2
list_transform(list, lambda)
    Each element changed.
    list_transform([1, 2], x -> x + 1) => [2, 3]
list_filter(list, lambda)
    The elements for which it is true.
    list_filter([1, 2, 3], x -> x > 1) => [2, 3]
list_reduce(list, lambda)
    All elements folded into one.
    list_reduce([1, 2, 3], (a, b) -> a + b) => 6
list_aggregate(list, name)
    sum, min, max, avg, count … of the elements.
    list_aggregate([1, 2], 'sum') => 3
list_sum(list)
    Sum of the elements.
    list_sum([1, 2]) => 3
list_min(list)
    Smallest element.
    list_min([2, 1]) => 1
list_max(list)
    Largest element.
    list_max([2, 1]) => 2
list_avg(list)
    Mean of the elements.
    list_avg([1, 2]) => 1.5
list_count(list)
    Number of elements that are not NULL.
    list_count([1, NULL]) => 1
list_first(list)
    First element that is there.
    list_first([3, 4]) => 3
list_last(list)
    Last element.
    list_last([3, 4]) => 4
list_extract(list, position)
    The element of a position, counted from 1.
    list_extract(['a', 'b'], 2) => 'b'
list_slice(list, from, to)
    Some elements.
    list_slice([1, 2, 3], 1, 2) => [1, 2]
list_sort(list[, order])
    Sorted; order is 'ASC' or 'DESC'.
    list_sort([2, 1]) => [1, 2]
list_reverse(list)
    Backwards.
    list_reverse([1, 2]) => [2, 1]
list_distinct(list)
    Each element once; sort it if order matters.
    list_sort(list_distinct([1, 1, 2])) => [1, 2]
list_contains(list, element)
    Whether the element is in it.
    list_contains(['a'], 'a') => True
list_position(list, element)
    Where an element stands.
    list_position(['a', 'b'], 'b') => 2
list_concat(list, other)
    Both lists one after the other.
    list_concat([1], [2]) => [1, 2]
list_has_any(list, other)
    Whether they share an element.
    list_has_any([1, 2], [2]) => True
list_has_all(list, other)
    Whether all of the other are in it.
    list_has_all([1, 2], [2]) => True
list_intersect(list, other)
    The elements of both.
    list_intersect([1, 2], [2]) => [2]
list_value(value…)
    A list of the values.
    list_value(1, 2) => [1, 2]
list_bool_and(list)
    Whether all are true.
    list_bool_and([true, false]) => False
list_bool_or(list)
    Whether any is true.
    list_bool_or([true, false]) => True
flatten(list)
    A list of lists as one list.
    flatten([[1], [2]]) => [1, 2]
array_to_string(list, separator)
    The elements as one text.
    array_to_string(['a', 'b'], ', ') => 'a, b'
range(from, to[, step])
    Whole numbers from, up to but not including.
    range(0, 3) => [0, 1, 2]
"""

STRUCTURE = r"""
struct_pack(name := value…)
    An object.
    struct_pack(a := 1) => {'a': 1}
struct_extract(object, 'name')
    One field of an object.
    struct_extract({'a': 1}, 'a') => 1
to_json(value)
    A value as JSON.
    to_json([1, 2])::VARCHAR => '[1,2]'
json_extract_string(json, path)
    A text within JSON text.
    json_extract_string('{"a": "x"}', '$.a') => 'x'
json_extract(json, path)
    A value within JSON text.
    json_extract('{"a": [1]}', '$.a')::VARCHAR => '[1]'
json_array_length(json)
    Number of elements of a JSON array.
    json_array_length('[1, 2]') => 2
json_valid(text)
    Whether it is JSON.
    json_valid('{') => False
typeof(value)
    The name of a value's type.
    typeof(1.5) => 'DECIMAL(2,1)'
"""

HUB = r"""
code(list, value)
    The hub's value of a system's code, by the list in config/codes; towards a system, the reverse.
    An unknown value sets the record aside (code.unknown), or gives NULL where the list says
    missing: null.
    code('country', 'GER') => 'DE'
ref(model, key…)
    The entity whose record has this key in the same system. It must be the whole value of a field
    of type ref.
    ref('supplier', '1000') => '1000'
key_in(system, entity)
    The key an entity has in a system, NULL where it has none; entity is a field of type ref or id,
    the record itself. Only from a model.
    key_in('crm', id) => '001x'
coalesce_blank(value…)
    The first value that is neither NULL nor blank, trimmed of nothing.
    coalesce_blank(NULL, ' ', 'b') => 'b'
parse_date(text, format…)
    A text as date by the first format that fits (%Y-%m-%d, %d.%m.%Y …); a blank text is NULL, one
    that fits none sets the record aside.
    parse_date('03.02.2026', '%Y-%m-%d', '%d.%m.%Y')::VARCHAR => '2026-02-03'
pinyin(text[, style])
    Chinese in Latin letters; style is 'capitalized' (the default), 'joined', 'lower', 'initials' or
    'tones'.
    pinyin('张伟') => 'Zhang Wei'
"""
