"""The real systems that the tests speak to: installed where that is possible, started on loopback.

``tests/services up [name...]`` prints ``export HUB_TEST_<NAME>_URL=...`` lines. A system whose variable
is set already is used as it is. Each system is a module of this package with ``up(place) -> variables``;
it raises ``Unavailable`` where it can be neither installed nor started. Standard library only: it runs on
a bare machine too.
"""
