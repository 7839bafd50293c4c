"""The chain that a contract command works on: its node, its accounts and the contracts known on it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from devnet.session import Session
from megaeth_cli.abi import Interface, ValueTextError
from megaeth_cli.abi.values import address as read_address
from megaeth_cli.artifacts import Artifact, ArtifactStore
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.rpc_client import RpcClient, connect
from megaeth_cli.select_devnet import find_session
from megaeth_cli.units import checksummed, quantity

if TYPE_CHECKING:
    import typer

DEFAULT_ACCOUNTS = 10


@dataclass(frozen=True)
class KnownContract:
    """A contract as the command line names it."""

    address: bytes
    label: str
    """Its name where it has one, else its address."""
    artifact: Artifact | None = None

    @property
    def interface(self) -> Interface | None:
        """Its ABI, where known."""
        return self.artifact.interface if self.artifact is not None else None


class Network:
    """A node and what this machine knows about its chain."""

    def __init__(self, env: Environment, rpc_url: str | None) -> None:
        self.env = env
        running = find_session(env) if rpc_url is None else _session_at(env, rpc_url)
        self.session: Session | None = running
        self._interfaces: dict[str, Interface | None] = {}
        self._known: dict[bytes, Artifact | None] = {}
        self.node: RpcClient = connect(env, rpc_url if running is None else rpc_url or running.rpc_url)

    @classmethod
    def open(cls, context: "typer.Context", rpc_url: str | None) -> "Network":
        """The network of a running command; its connection is closed when the command ends."""
        network = cls(environment(context), rpc_url)
        context.call_on_close(network.node.close)
        return network

    @cached_property
    def chain_id(self) -> int:
        """The node's chain id."""
        if self.session is not None:
            return self.session.chain_id
        return quantity(self.node.call("eth_chainId"))

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """The contracts known on this chain."""
        if self.session is not None:
            from pathlib import Path

            return ArtifactStore(Path(self.session.data_dir) / "artifacts")
        return ArtifactStore(self.env.paths.home / "artifacts" / str(self.chain_id))

    @property
    def mnemonic(self) -> str:
        """Of the accounts that `--from` numbers."""
        if self.session is not None:
            return self.session.mnemonic
        from devnet.genesis.accounts import DEFAULT_MNEMONIC

        return DEFAULT_MNEMONIC

    @property
    def account_count(self) -> int:
        """How many accounts of the mnemonic are funded."""
        return self.session.accounts if self.session is not None else DEFAULT_ACCOUNTS

    def resolve(self, name: str) -> bytes | None:
        """Address of a contract known by name."""
        artifact = self.artifacts.named(name)
        return artifact.raw_address if artifact is not None else None

    def contract(self, text: str) -> KnownContract:
        """The contract that a command line argument means: a name, or an address."""
        if text[:2] not in ("0x", "0X"):
            artifact = self.artifacts.named(text)
            if artifact is None:
                raise _unknown(text, self.artifacts.names())
            return KnownContract(artifact.raw_address, artifact.name, artifact)
        try:
            raw = read_address(text)
        except ValueTextError as error:
            raise CliError("not a contract", str(error), status=ExitStatus.USAGE) from None
        artifact = self.known(raw)
        return KnownContract(raw, artifact.name if artifact else checksummed(raw), artifact)

    def address(self, text: str, option: str) -> bytes:
        """An address, or the address of a contract known by name."""
        if text[:2] not in ("0x", "0X"):
            known = self.resolve(text)
            if known is None:
                raise _unknown(text, self.artifacts.names(), option)
            return known
        try:
            return read_address(text)
        except ValueTextError as error:
            raise CliError(f"{option}: not an address", str(error), status=ExitStatus.USAGE) from None

    def interface_at(self, address: str) -> Interface | None:
        """The ABI of the contract at an address, where known; each file is read once."""
        if address not in self._interfaces:
            artifact = self.known(address)
            self._interfaces[address] = artifact.interface if artifact is not None else None
        return self._interfaces[address]

    def known(self, address: str | bytes) -> Artifact | None:
        """The contract at an address: deployed from here, or of code that was compiled here."""
        raw = address if isinstance(address, bytes) else bytes.fromhex(address[2:])
        if raw not in self._known:
            found = self.artifacts.at(raw)
            if found is None and self.artifacts.knows_code:
                code: str = self.node.call("eth_getCode", f"0x{raw.hex()}", "latest")
                found = self.artifacts.adopt(raw, bytes.fromhex(code[2:])) if len(code) > 2 else None
            self._known[raw] = found
        return self._known[raw]

    def label(self, address: str | bytes) -> str:
        """An address for people, with its contract's name where it has one."""
        raw = address if isinstance(address, bytes) else bytes.fromhex(address[2:])
        artifact = self.known(raw)
        return f"{artifact.name} {checksummed(raw)}" if artifact is not None else checksummed(raw)

    def no_code(self, contract: KnownContract) -> CliError:
        """Nothing lives at a contract's address."""
        where = checksummed(contract.address)
        if contract.artifact is None:
            return CliError(
                f"there is no contract at {where}", "the account has no code", "check the address"
            )
        return CliError(
            f"{contract.label} is not on this chain",
            f"it was deployed to {where}, but there is no code now: the chain was reset",
            f"megaeth deploy {contract.artifact.unit}:{contract.label}",
        )


def _session_at(env: Environment, rpc_url: str) -> Session | None:
    """The local devnet behind a URL that was given by hand."""
    from devnet.session import running_sessions

    wanted = rpc_url.rstrip("/").replace("localhost", "127.0.0.1")
    for session in running_sessions(env.paths.home):
        if any(
            endpoint.rstrip("/") == wanted for node in session.nodes for endpoint in node.endpoints.values()
        ):
            return session
    return None


def _unknown(text: str, names: list[str], option: str = "") -> CliError:
    from difflib import get_close_matches

    close = get_close_matches(text, names, 1)
    known = f"known are {', '.join(names)}" if names else "none has been deployed with `megaeth deploy` yet"
    return CliError(
        f"{option + ': ' if option else ''}no contract is called {text!r}",
        known,
        f"did you mean {close[0]}?" if close else "give its address, or deploy it: megaeth deploy FILE.sol",
        ExitStatus.USAGE,
    )
