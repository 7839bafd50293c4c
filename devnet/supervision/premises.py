"""The directories of one devnet: taken for its own, prepared for a start, and left clean."""

import contextlib
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from devnet.errors import UnavailableError, cannot_listen
from devnet.lock import DataDirLock, Locked
from devnet.role_config import ready_file
from devnet.session import Role, read_session
from devnet.supervision.launch import Launch
from devnet.supervision.lease import FILE as LEASE
from devnet.supervision.ports import refused

TAKEOVER_TIMEOUT_S = 5.0
"""How long `up` waits for the data directory of a devnet that is on its way out."""
TAKEOVER_RETRY_S = 0.02


class Premises:
    """Where a devnet lives."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch

    @property
    def network_dir(self) -> Path:
        """What makes nodes those of this devnet: keys, certificates, and who leads."""
        return self._launch.data_dir / "network"

    @contextlib.contextmanager
    def locked(self) -> Iterator[DataDirLock]:
        """The data directory, waiting for a devnet that is about to leave it, but not for one that is well."""
        deadline = time.monotonic() + TAKEOVER_TIMEOUT_S
        while True:
            try:
                lock = DataDirLock(self._launch.data_dir)
                break
            except Locked:
                session = read_session(self._launch.paths.session)
                if time.monotonic() > deadline or (session is not None and session.healthy):
                    raise
                time.sleep(TAKEOVER_RETRY_S)
        try:
            yield lock
        finally:
            lock.release()

    def prepare(self) -> None:
        """Refuse what cannot become a devnet, and make its directories; UnavailableError or ConfigError says why."""
        self._check_genesis()
        paths, data_dir = self._launch.paths, self._launch.data_dir
        other = read_session(paths.session)
        if other is not None:
            raise UnavailableError(
                f"a devnet named '{self._launch.name}' is already running",
                f"pid {other.supervisor.pid}, data directory {other.data_dir}",
                "megaeth devnet down, or --name for a second one",
            )
        rpc = self._launch.config.rpc
        if rpc.port and (why := refused(rpc.host, rpc.port)):
            raise cannot_listen(rpc.host, rpc.port, why)
        has_gateway = rpc.gateway != "off" and rpc.gateway_port
        if has_gateway and (why := refused(rpc.host, rpc.gateway_port)):
            raise cannot_listen(rpc.host, rpc.gateway_port, why, "--gateway-port")
        try:
            if self._launch.config.storage.ephemeral:
                # What a killed devnet of the same name may have left.
                for part in ("nodes", "native", "artifacts"):
                    shutil.rmtree(data_dir / part, ignore_errors=True)
                (self.network_dir / LEASE).unlink(missing_ok=True)
            elif self._launch.config.storage.reset:
                self._reset(data_dir)
            paths.run.mkdir(parents=True, exist_ok=True)
            paths.logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnavailableError(f"cannot write to {paths.root}", str(error), "set MEGAETH_HOME") from error

    def _check_genesis(self) -> None:
        """A genesis that no chain can have is refused before anything starts; the sequencer reads it again."""
        chain = self._launch.config.chain
        if chain.genesis is None and chain.genesis_timestamp is None:
            return
        from devnet.genesis import GenesisFile, load_genesis
        from devnet.roles.chain_config import check_genesis

        file = load_genesis(Path(chain.genesis)) if chain.genesis is not None else GenesisFile()
        check_genesis(self._launch.config, file, int(time.time()))

    def _reset(self, data_dir: Path) -> None:
        """Delete this devnet's chain, what was deployed on it and what went wrong with it, and nothing else that may
        lie there."""
        from devnet.proving.kept import INCIDENTS, REPRODUCTIONS
        from devnet.roles.rollback import FILE as REFUSED
        from devnet.storage import reset

        for directory in (data_dir / "nodes").glob("*"):
            reset(directory, TAKEOVER_TIMEOUT_S)
            for kept in (INCIDENTS, REPRODUCTIONS):
                shutil.rmtree(directory / kept, ignore_errors=True)
            (directory / REFUSED).unlink(missing_ok=True)
        shutil.rmtree(data_dir / "artifacts", ignore_errors=True)
        (self.network_dir / LEASE).unlink(missing_ok=True)

    def clean_up(self, nodes: Iterable[str], *, keep_logs: bool) -> None:
        """Remove what belongs to a devnet that runs."""
        paths = self._launch.paths
        for node in nodes:
            ready_file(paths.run, node).unlink(missing_ok=True)
            config_file(paths.run, node).unlink(missing_ok=True)
        if self._launch.config.storage.ephemeral:
            shutil.rmtree(self._launch.data_dir, ignore_errors=True)
        paths.session.unlink(missing_ok=True)
        if not keep_logs:
            shutil.rmtree(paths.root, ignore_errors=True)


def state_not_loaded(launch: Launch) -> str | None:
    """The state file that stays unread because the chain is there already."""
    storage = launch.config.storage
    file = storage.load_state or storage.state
    if file is None or storage.reset or storage.ephemeral:
        return None
    from devnet.storage.identity import CARD

    there = launch.data_dir / "nodes" / Role.SEQUENCER.hyphenated / CARD
    return file if there.exists() and Path(file).exists() else None


def config_file(run_dir: Path, node: str) -> Path:
    """What a role is started with."""
    return run_dir / f"{node}.config.json"
