"""The contract between the supervisor and a role process, seen from both sides.

The supervisor writes the configuration and starts `python -m devnet.roles.<role> --config FILE`; the role
binds, says so, serves until SIGTERM, and ends by itself when the supervisor is gone. Health is asked over
HTTP.
"""

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from devnet.config import Config
from devnet.errors import ConfigError, UnavailableError, UserError
from devnet.files import write_atomically
from devnet.session import Role
from devnet.settings import config_from_json, config_to_json
from devnet.threads import start_thread

log = logging.getLogger(__name__)

USER_ERROR_EXIT = 3
"""Exit code of a role that cannot run for a reason its user can mend; its last line on stderr is the reason."""

START_AGAIN_EXIT = 75
"""Exit code of a role that wants to be started again at once, as it has to begin anew from its disk (EX_TEMPFAIL)."""

READY_FD = "MEGAETH_READY_FD"
LIFELINE_FD = "MEGAETH_LIFELINE_FD"

ORPHAN_GRACE_S = 3.0
"""How long an orphaned role may take to stop cleanly."""


@dataclass(frozen=True)
class NetworkPlace:
    """A node's place among its peers: how it proves who it is, whom it knows, whom it believes."""

    ca: str
    certificate: str
    key: str
    """Files for mutual TLS (`devnet.sync`)."""
    authority: str
    """Address that vouches for this devnet's provers."""
    sequencer: str = ""
    """The HTTP endpoint of who leads: where transactions go. Empty for that node itself."""
    peers: tuple[tuple[str, str, int], ...] = ()
    """Nodes to begin with: name, host, port."""
    port: int = 0
    """Where to listen for peers; 0 takes a free port."""
    has_provers: bool = False
    """Whether the devnet has provers now, be they up or down."""
    prover_key: str = ""
    """Of a prover: the key that it attests with, in hex."""
    prover_voucher: str = ""
    """Of a prover: the authority's signature on its address, in hex."""
    lease: str = ""
    """Who says who may lead (`devnet/succession/`): `control://HOST:PORT` is the supervisor. Empty: the sequencer
    leads, always."""
    candidates: tuple[str, ...] = ()
    """The nodes that may lead."""
    leader_key: str = ""
    """Of a candidate: the key that it leads with, in hex."""
    leader_voucher: str = ""
    """Of a candidate: the authority's signature on that key's address for its name, in hex."""

    @classmethod
    def of(cls, tree: Mapping[str, Any]) -> "NetworkPlace":
        """The opposite of `asdict`."""
        peers = tuple((str(node), str(host), int(port)) for node, host, port in tree["peers"])
        return cls(**{**tree, "peers": peers, "candidates": tuple(map(str, tree["candidates"]))})


@dataclass(frozen=True)
class RoleConfig:
    """The file that a role is started with."""

    node: str
    role: Role
    run_dir: str
    data_dir: str
    """This node's own directory, below the devnet's."""
    native_dir: str
    """Where compiled contracts are kept, shared by the devnet's nodes."""
    token: str
    """Whoever knows it may ask the node for more than the public methods."""
    config: Config
    network: NetworkPlace | None = None
    """None for a node that is to stay alone."""

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
            network = tree.get("network")
            return cls(
                **{
                    **tree,
                    "role": Role(tree["role"]),
                    "config": config_from_json(tree["config"]),
                    "network": NetworkPlace.of(network) if network is not None else None,
                }
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"cannot read the role's configuration {path}", str(error)) from error


@dataclass(frozen=True)
class Bound:
    """What a role says once it is bound."""

    pid: int
    endpoints: dict[str, str]
    port: int


def write_ready_file(role: RoleConfig, endpoints: Mapping[str, str], port: int) -> None:
    """Say that the role is bound: a file for tools, and a line for the supervisor that waits for it."""
    text = json.dumps({"pid": os.getpid(), "endpoints": dict(endpoints), "port": port})
    path = ready_file(Path(role.run_dir), role.node)
    try:
        write_atomically(path, text)
    except OSError as error:  # the supervisor hears it all the same
        log.warning("cannot write %s: %s", path, error)
    if handle := os.environ.pop(READY_FD, None):
        with os.fdopen(int(handle), "w") as waiting:
            waiting.write(text)


def ready_file(run_dir: Path, node: str) -> Path:
    """Where a role says that it is bound."""
    return run_dir / f"{node}.json"


def run_role(serve: Callable[[RoleConfig], None]) -> NoReturn:
    """The main function of every role: read the configuration, serve, turn a user's error into an exit code."""
    die_with_supervisor()
    try:
        arguments = sys.argv[1:]
        if len(arguments) != 2 or arguments[0] != "--config":
            raise ConfigError("a role is started by the supervisor", "expected: --config FILE")
        serve(RoleConfig.load(Path(arguments[1])))
    except UserError as error:
        tell_user(error)
        sys.exit(USER_ERROR_EXIT)
    sys.exit(0)


def tell_user(error: UserError) -> None:
    """The last line of a role that ends with USER_ERROR_EXIT."""
    print(json.dumps({"error": error.to_json()}), file=sys.stderr, flush=True)


def die_with_supervisor() -> None:
    """Stop this process when the supervisor is gone, however it went.

    The supervisor holds the other end of a pipe and never writes to it, so that the end of the file is the
    supervisor's end. A thread in a blocking read costs nothing and works on every Unix.
    """
    handle = os.environ.pop(LIFELINE_FD, None)
    if handle is None:
        return

    def wait() -> None:
        while os.read(int(handle), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHAN_GRACE_S)
        os.kill(os.getpid(), signal.SIGKILL)

    # Whoever can't see the supervisor any more had better end, too.
    start_thread(wait, "lifeline", lambda _: os.kill(os.getpid(), signal.SIGTERM))
