"""The connection doctor: what every connection check has in common.

A connector's ``check`` is a list of ``Step``s, its own and those of ``endpoint`` (name, port, proxy, TLS) and ``web``
(authentication, clock), walked in order; ``claims`` tries by reading what a resource says of itself.
"""

from __future__ import annotations

from hub.doctor.steps import Said, Step, walk

__all__ = ["Said", "Step", "walk"]
