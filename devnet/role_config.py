"""What a role process is given, and how it says that it is bound.

The supervisor writes the configuration; the role (`python -m devnet.roles.<role> --config FILE`) reads it,
binds, and writes its ready file. Health is asked over HTTP afterwards.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devnet.config import Config
from devnet.errors import ConfigError, UnavailableError
from devnet.settings import config_from_json, config_to_json


@dataclass(frozen=True)
class RoleConfig:
    """The file that a role is started with."""

    node: str
    """Name of the node; the role writes `<run_dir>/<node>.json` when it is bound."""
    role: str
    run_dir: str
    data_dir: str
    """This node's own directory, below the devnet's."""
    token: str
    """Whoever knows it may ask the node for more than the public methods."""
    config: Config

    def save(self, path: Path) -> None:
        """Write the file; only this user can read it."""
        text = json.dumps({**asdict(self), "config": config_to_json(self.config)}, indent=2)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(text)
        except OSError as error:
            raise UnavailableError(f"cannot write {path}", str(error)) from error

    @classmethod
    def load(cls, path: Path) -> "RoleConfig":
        """Read the file."""
        try:
            tree: dict[str, Any] = json.loads(path.read_text())
            return cls(**{**tree, "config": config_from_json(tree["config"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"cannot read the role's configuration {path}", str(error)) from error


def write_ready_file(role: RoleConfig, endpoints: Mapping[str, str], port: int) -> None:
    """Tell the supervisor that the role is bound: pid, endpoints and port, in one step."""
    path = ready_file(Path(role.run_dir), role.node)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"pid": os.getpid(), "endpoints": dict(endpoints), "port": port}))
    temporary.replace(path)


def ready_file(run_dir: Path, node: str) -> Path:
    """Where a role says that it is bound."""
    return run_dir / f"{node}.json"
