"""Secrets of the hub for DAGs that are not the hub's: as variables and connections of Airflow.

The hub's store is the truth, Airflow reads it anew each time, and only what ``airflow.secrets`` of ``config/hub.yaml``
names: whoever writes DAGs reads all that Airflow can read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from airflow.sdk.bases.secrets_backend import BaseSecretsBackend

from hub.bootstrap import open_hub
from hub.contract import Secret

VARIABLE: Final = "cophub/"
CONNECTION: Final = "cophub_"
NAMES: Final = {"host": ("url", "host", "odbc"), "login": ("username", "user"), "password": ("password",)}
"""Of a connection's parts, the settings of systems that are taken for them, wherever they stand."""


class HubSecrets(BaseSecretsBackend):
    """``workspace`` is its folder, ``environment`` one of its environments."""

    def __init__(self, workspace: str, environment: str | None = None) -> None:
        super().__init__()
        self._folder, self._environment = Path(workspace), environment

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Of ``cophub/crm/key`` the value of ``secret://crm/key``; None where it is none that may be read. AuthError
        ``secret.missing`` where it may, and has no value."""
        name = key.removeprefix(VARIABLE)
        if name == key:
            return None
        with open_hub(self._folder, self._environment, schema=False) as opened:
            if name not in opened.hub.workspace.hub.airflow.secrets:
                return None
            return opened.secrets.resolve(f"secret://{name}").reveal()

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Of ``cophub_crm`` the system ``crm`` as JSON of a connection: its host, login and password, and all of its
        settings as extras. None where there is none, or where it needs a secret that may not be read."""
        name = conn_id.removeprefix(CONNECTION)
        if name == conn_id:
            return None
        with open_hub(self._folder, self._environment, schema=False) as opened:
            workspace = opened.hub.workspace
            if name not in workspace.systems:
                return None
            own = workspace.systems[name].own
            wanted = {reference for _, value in _leaves(own) if (reference := Secret(str(value)).reference)}
            if not wanted or not wanted <= set(workspace.hub.airflow.secrets):
                return None

            def told(value: Any) -> Any:
                match value:
                    case Mapping():
                        return {key: told(one) for key, one in value.items()}
                    case list() | tuple():
                        return [told(one) for one in value]
                    case str() if Secret(value).reference in wanted:
                        return opened.secrets.resolve(value).reveal()
                return value

            return json.dumps(_connection(told(own)), default=str)


def _connection(own: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"conn_type": "http" if "url" in own else "generic", "extra": own}
    for part, names in NAMES.items():
        said = [value for name, value in _leaves(own) if name in names]
        if said:
            found[part] = said[0]
    return found


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """The settings that hold no others, with their names."""
    match value:
        case Mapping():
            for key, one in value.items():
                yield from _leaves(one, str(key))
        case list() | tuple():
            for one in value:
                yield from _leaves(one, name)
        case _:
            yield name, value
