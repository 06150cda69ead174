"""One run of the exchange, as every caller makes it; prints its seconds and counts."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from pathlib import Path

from hub.bootstrap import STORE, open_hub
from hub.exchange.pipeline import run_exchange
from hub.store.migrate import migrate


def main() -> None:
    os.environ[STORE] = sys.argv[2]
    with open_hub(Path(sys.argv[1]), schema=False) as opened:
        migrate(opened.hub.database)
        started = time.perf_counter()
        result = run_exchange(opened.hub, "hr-employees", "full", f"bench:{uuid.uuid4()}")
        seconds = time.perf_counter() - started
    print(
        json.dumps(
            {"seconds": seconds, "counts": {key: count for key, count in result.counts.items() if count}}
        )
    )


if __name__ == "__main__":
    main()
