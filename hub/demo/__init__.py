"""``cophub demo``: the sample landscape on simulators, from first load to one change that travels.

    from hub.demo import play
    play()                      # in a folder that is removed at the end
    play(Path("landscape"))     # in one that stays

Needs no network, no root and no system package: SAP, HR cloud and CRM are threads that listen on
loopback, the ERP is a SQLite file, the store is SQLite.
"""

from hub.demo.play import Played, play

__all__ = ["Played", "play"]
