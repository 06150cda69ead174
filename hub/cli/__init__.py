"""The command line. ``main`` is the entry; every module beside ``app`` is imported when it is asked for.

``cophub --help`` must be quick: ``app`` knows the commands by name and one line, the rest is lazy.
"""

from __future__ import annotations

from hub.cli.frame import main

__all__ = ["main"]
