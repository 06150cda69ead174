"""``python -m bench JOB``: see ``--help`` of each. The last line with ``--json`` is one object."""

from __future__ import annotations

import argparse
import sys

from bench import (
    airflow,
    audit,
    database,
    directory,
    events,
    inbound,
    matching,
    people,
    scim,
    small,
    soap,
    split,
    sse,
    startup,
    suggest,
    todos,
    tokens,
)
from hub import collector


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    jobs = parser.add_subparsers(dest="job", required=True)
    inbound.declare(
        jobs.add_parser("inbound", help="first load, unchanged run and 1 %%-changed run of N employees")
    )
    startup.declare(jobs.add_parser("startup", help="cophub --help, and cophub check of 1,000 mappings"))
    events.declare(
        jobs.add_parser("events", help="an event from its acceptance to golden row and target, by a worker")
    )
    small.declare(
        jobs.add_parser("small", help="what an event and a small run cost the processor, in one process")
    )
    matching.declare(
        jobs.add_parser("matching", help="how right, fast and small the match rules are on labelled sets")
    )
    audit.declare(jobs.add_parser("audit", help="how long an audit chain of N entries takes to verify"))
    directory.declare(
        jobs.add_parser("directory", help="100,000 entries of OpenLDAP by pages, and 100 that changed")
    )
    database.declare(
        jobs.add_parser("database", help="N rows of PostgreSQL over ODBC, beside the driver alone")
    )
    scim.declare(jobs.add_parser("scim", help="filters of a SCIM client over N users"))
    soap.declare(jobs.add_parser("soap", help="N workers from a paged SOAP operation, beside plain zeep"))
    split.declare(jobs.add_parser("split", help="a large exchange undivided and in parts, and what both leave behind"))
    todos.declare(jobs.add_parser("todos", help="inbox pages and counts of N people, and reports that are pushed"))
    people.declare(jobs.add_parser("people", help="searches of N people, and paths in a tree of organizations"))
    sse.declare(jobs.add_parser("sse", help="a pushed to-do until it reaches those who listen to its person"))
    tokens.declare(jobs.add_parser("tokens", help="tokens of clients as themselves, and refreshed ones"))
    suggest.declare(jobs.add_parser("suggest", help="how right the proposals of field pairs are on labelled sets"))
    airflow.declare(jobs.add_parser("airflow", help="N exchanges as DAGs: parsing, a change, a broken file"))
    arguments = parser.parse_args()
    collector.relax()  # as the hub's own processes do
    return int(arguments.run(arguments))


if __name__ == "__main__":
    sys.exit(main())
