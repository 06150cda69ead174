"""One process that redeems: ``python -m tests.unit.provider.redeem FOLDER STORE THREADS``. For each line of JSON (the
parameters of a token request with its header of proof, or of a ticket) it asks in so many threads at once, and prints
the statuses."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from hub.bootstrap import open_hub
from sso.cas import Success, validated
from sso.ground import provider
from sso.server import Request, served
from sso.tickets.redeemed import restored


def main(folder: str, store: str, threads: int) -> None:
    """Until its input ends."""
    with open_hub(Path(folder), variables={"COPHUB_STORE": store, "COPHUB_ACTOR": "test"}) as opened:
        here = provider(opened.hub, opened.cipher)
        assert here is not None
        server, together = served(here), Barrier(threads)

        def ask(form: dict[str, str]) -> int:
            proof = form.pop("authorization", "")
            request = Request("POST", list(form.items()), {"Authorization": proof} if proof else {})
            together.wait()
            if "kept" in form:
                return 200 if restored(here, "a8", form["kept"]) else 400
            if "ticket" in form:
                return 200 if isinstance(validated(here, request), Success) else 400
            return int(server.create_token_response(request)[0])

        print("ready", flush=True)
        with ThreadPoolExecutor(threads) as pool:
            for line in sys.stdin:
                print(json.dumps(list(pool.map(ask, (json.loads(line) for _ in range(threads))))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
