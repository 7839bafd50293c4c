"""Where things live on disk: the home directory of all devnets, and the directory of each by name.

`MEGAETH_HOME` and `MEGAETH_CACHE` choose; else the XDG base directories do. Only names: nothing is created here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_NAME = "devnet"


@dataclass(frozen=True)
class NetworkPaths:
    """The files of one named devnet."""

    root: Path

    @property
    def session(self) -> Path:
        """Pids, endpoints and token of the running devnet (mode 0600)."""
        return self.root / "session.json"

    @property
    def data(self) -> Path:
        """The default data directory: chain log, snapshots, artifacts."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One log file per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Files that exist only while the devnet runs: role configurations and ready files."""
        return self.root / "run"

    def log(self, node: str) -> Path:
        """The log file of one node."""
        return self.logs / f"{node}.log"


@dataclass(frozen=True)
class Paths:
    """The home of all devnets of this user."""

    home: Path
    cache: Path

    @classmethod
    def from_environment(cls, variables: Mapping[str, str]) -> "Paths":
        """Apply `MEGAETH_HOME`, `MEGAETH_CACHE` and the XDG variables."""
        user = Path(variables.get("HOME") or Path.home())
        data = Path(variables.get("XDG_DATA_HOME") or user / ".local" / "share") / "megaeth"
        cache = Path(variables.get("XDG_CACHE_HOME") or user / ".cache") / "megaeth"
        return cls(
            Path(variables.get("MEGAETH_HOME") or data).expanduser().absolute(),
            Path(variables.get("MEGAETH_CACHE") or cache).expanduser().absolute(),
        )

    @property
    def faults(self) -> Path:
        """Tracebacks of faults in the program, for bug reports; hidden beside the devnets."""
        return self.home / ".faults"

    @property
    def snapshots(self) -> Path:
        """Snapshots by their names; hidden beside the devnets, which all may use them."""
        return self.home / ".snapshots"

    def network(self, name: str = DEFAULT_NAME) -> NetworkPaths:
        """The files of the devnet with that name."""
        return NetworkPaths(self.home / name)
