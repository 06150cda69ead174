"""Checks of reading. Each looks at one thing only, so that one fault breaks one check."""

from __future__ import annotations

from collections import Counter

from hub.contract import Page, key_text
from hub.doctor import promises
from hub.doctor.records import rank, rows_of, text
from hub.testing.case import Case, read, value
from hub.testing.standing import Probes

NUMBER = 23
SIZES = (1, 2, 7, None)


def _keys(case: Case, pages: list[Page]) -> Counter[tuple[str, ...]]:
    return Counter(case.key_of(row) for row in rows_of(pages))


def every_record_once(case: Case) -> None:
    """A full read of a system at rest gives each record exactly once."""
    records = case.records(NUMBER)
    connector = case.open(case.fresh(records))
    found = _keys(case, read(connector, connector.resource(case.resource)))
    expected = Counter(case.key_of(record) for record in records)
    missing, more = expected - found, found - expected
    assert not missing, f"{len(missing)} of {NUMBER} records are not read, the first is {min(missing)}"
    assert not more, f"{len(more)} records are read again or are not there, the first is {min(more)}"


def pages_stable(case: Case) -> None:
    """The same records come whatever the page size, even where pages are asked for one by one."""
    connector = case.open(case.fresh(case.records(NUMBER)))
    resource = connector.resource(case.resource)
    whole = set(_keys(case, read(connector, resource)))
    for size in SIZES:
        found = set(_keys(case, read(connector, resource, size=size)))
        assert found == whole, f"with page size {size} {len(whole ^ found)} records differ"


def page_counts(case: Case) -> None:
    """``count`` is the number of records in a page, ``first`` goes on within an origin."""
    connector = case.open(case.fresh(case.records(NUMBER)))
    wrong = promises.miscounted(read(connector, connector.resource(case.resource), size=5))
    assert not wrong, wrong


def last_page_marked(case: Case) -> None:
    """The last page, and only it, has ``last``."""
    connector = case.open(case.fresh(case.records(NUMBER)))
    resource = connector.resource(case.resource)
    for size in SIZES:
        wrong = promises.misended(read(connector, resource, size=size))
        assert not wrong, wrong


def empty_source(case: Case) -> None:
    """A system without records gives a last page without records, and no error."""
    connector = case.open(case.fresh([]))
    pages = read(connector, connector.resource(case.resource))
    assert not rows_of(pages), "records come out of an empty system"
    assert [page.last for page in pages[-1:]] == [True], "an empty read does not end with a last page"


def announced_count(case: Case) -> None:
    """Where the resource counts, a full read announces how many records there are."""
    connector = case.open(case.fresh(case.records(NUMBER)))
    resource = connector.resource(case.resource)
    assert resource.counts, "the resource does not claim to count: exempt announced_count"
    told = {page.announced for page in read(connector, resource, size=5)} - {None}
    assert told == {NUMBER}, f"{NUMBER} records are there, announced are {told or 'none'}"


def cursor_order(case: Case) -> None:
    """Records come in the order of the cursor."""
    records = case.records(NUMBER)
    connector = case.open(case.fresh(records[::-1]))
    pages = read(connector, connector.resource(case.resource), size=5)
    seen = [rank(row[str(case.cursor)]) for row in rows_of(pages)]
    assert seen == sorted(seen), "the cursor goes back within a read"


def cursor_ties(case: Case) -> None:
    """Many records with one cursor value all come, also where a page ends among them."""
    cursor = str(case.cursor)
    tie = case.record(5)[cursor]
    records = [record | {cursor: tie} for record in case.records(NUMBER)]
    connector = case.open(case.fresh(records))
    resource = connector.resource(case.resource)
    for size in (2, 5):
        found = _keys(case, read(connector, resource, size=size))
        missing = {case.key_of(record) for record in records} - set(found)
        assert not missing, f"{len(missing)} of {NUMBER} records with one cursor value are lost"


def since_inclusive(case: Case) -> None:
    """A read since a cursor value gives every record at or after it."""
    cursor = str(case.cursor)
    records = case.records(NUMBER)
    connector = case.open(case.fresh(records))
    since = records[10][cursor]
    found = rows_of(read(connector, connector.resource(case.resource), since=str(since), size=5))
    wrong = promises.lost_since(records, found, cursor, since, case.key_of)
    assert not wrong, wrong


def change_seen(case: Case) -> None:
    """A record that changed comes with its new values in a read since before the change."""
    assert case.change is not None
    records = case.records(NUMBER)
    handle = case.fresh(records)
    new = case.record(NUMBER + 1) | case.key_fields(records[2])
    case.change(handle, new)
    connector = case.open(handle)
    since = str(records[-1][str(case.cursor)])
    pages = read(connector, connector.resource(case.resource), since=since)
    found = [row for row in rows_of(pages) if case.key_of(row) == case.key_of(new)]
    assert found, "a changed record is not in the next incremental read"
    wrong = [name for name, wanted in new.items() if text(value(found[-1], name)) != text(wanted)]
    assert not wrong, f"the changed record comes with old values of {', '.join(wrong)}"


def deletes_seen(case: Case) -> None:
    """Where the resource reports deletions, the next read by token does."""
    assert case.remove is not None
    records = case.records(5)
    handle = case.fresh(records)
    connector = case.open(handle)
    resource = connector.resource(case.resource)
    assert resource.deletes, "the resource does not claim to report deletions: exempt deletes_seen"
    token = read(connector, resource)[-1].token
    assert token, "the last page gives no token"
    case.remove(handle, records[1])
    found = [key for page in read(connector, resource, token=token) for key in page.deleted]
    expected = key_text([records[1][name] for name in case.key])
    assert expected in found, "a deleted record is not reported"


def values_exact(case: Case) -> None:
    """Long numbers, Chinese, emoji, quotes and line ends come through unchanged."""
    record = case.record(1) | dict(case.exact)
    connector = case.open(case.fresh([record, case.record(2)]))
    found = [r for r in rows_of(read(connector, connector.resource(case.resource))) if _is(case, r, record)]
    assert found, "the record is not read"
    for name, wanted in record.items():
        came = value(found[0], name)
        assert text(came) == text(wanted), f"{name} was {wanted!r} and comes as {came!r}"


def _is(case: Case, row: dict[str, object], record: dict[str, object]) -> bool:
    return case.key_of(row) == case.key_of(record)


def fields_on_demand(case: Case) -> None:
    """A read of some fields gives at least these and the key, for every record."""
    records = case.records(5)
    connector = case.open(case.fresh(records))
    asked = next(name for name in records[0] if name not in case.key)
    rows = rows_of(read(connector, connector.resource(case.resource), fields=(asked,)))
    lacking = [row for row in rows if {name.partition(".")[0] for name in (asked, *case.key)} - set(row)]
    assert rows, "a read of some fields gives no records"
    assert not lacking, f"the field {asked} or the key is missing where only it is asked for"


READING: Probes = (
    ((), every_record_once),
    ((), pages_stable),
    ((), page_counts),
    ((), last_page_marked),
    ((), empty_source),
    ((), announced_count),
    (("cursor",), cursor_order),
    (("cursor",), cursor_ties),
    (("cursor",), since_inclusive),
    (("cursor", "change"), change_seen),
    (("remove",), deletes_seen),
    (("exact",), values_exact),
    ((), fields_on_demand),
)
