"""The chain that a contract command works on: its node, its accounts and the contracts known on it."""

from functools import cached_property
from typing import TYPE_CHECKING

from devnet.session import Session
from megaeth_cli.abi import Interface, ValueTextError
from megaeth_cli.abi.values import address as read_address
from megaeth_cli.chain.allowance import Allowance, allowance_of
from megaeth_cli.chain.rpc_client import Node, connect
from megaeth_cli.contracts.artifacts import ArtifactStore
from megaeth_cli.contracts.known_contracts import KnownContract, KnownContracts
from megaeth_cli.env import Environment, environment
from megaeth_cli.errors import CliError, ExitStatus
from megaeth_cli.inspect.known import ADDRESSES
from megaeth_cli.select_devnet import find_session
from megaeth_cli.units import checksummed, quantity

if TYPE_CHECKING:
    import typer

DEFAULT_ACCOUNTS = 10
MAX_NAMES = 20
"""Listed when a name is wrong."""
NAMES = "an address is 0x and 40 hex digits; a contract that was deployed or imported has a name, too"


class Network:
    """A node and what this machine knows about its chain."""

    def __init__(self, env: Environment, rpc_url: str | None, node: Node | None = None) -> None:
        """`node`: is asked instead of one that is connected to."""
        self.env = env
        self.session: Session | None = None
        if node is None:
            running = self.session = find_session(env) if rpc_url is None else _session_at(env, rpc_url)
            node = connect(env, rpc_url if running is None else rpc_url or ",".join(running.rpc_urls))
        self.node: Node = node

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

    def allowed(self) -> Allowance:
        """What the chain's rules ask of a transaction and allow it now."""
        return self._allowance

    @cached_property
    def _allowance(self) -> Allowance:
        if self.session is not None:
            return allowance_of({"chainId": self.session.chain_id, "spec": self.session.spec})
        try:
            return allowance_of(self.node.call("mega_getChainRules"))
        except CliError:
            return allowance_of({"chainId": self.chain_id})

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """The contracts known on this chain."""
        if self.session is not None:
            from pathlib import Path

            return ArtifactStore(Path(self.session.data_dir) / "artifacts")
        return ArtifactStore(self.env.paths.home / "artifacts" / str(self.chain_id))

    @cached_property
    def contracts(self) -> KnownContracts:
        """What is at the chain's addresses."""
        return KnownContracts(self.node, self.artifacts)

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
        """Address of a contract known by name: the newest deployment, or what every chain has."""
        artifact = self.artifacts.named(name)
        templates = self.artifacts.templates(name)
        # Others may have deployed it since; what only this program builds, it knows already.
        if templates and (artifact is None or any(one.imported for one in templates)):
            from megaeth_cli.contracts.chain_search import ChainSearch

            ChainSearch(self.node, self.artifacts, self.env.note).run()
            artifact = self.artifacts.named(name)
        if artifact is not None:
            return artifact.raw_address
        return bytes.fromhex(ADDRESSES[name][2:]) if name in ADDRESSES else None

    def contract(self, text: str) -> KnownContract:
        """The contract that a command line argument means: a name, or an address."""
        if text[:2] in ("0x", "0X"):
            try:
                return self.contracts.at(read_address(text))
            except ValueTextError as error:
                raise CliError("not a contract", str(error), NAMES, ExitStatus.USAGE) from None
        return self.contracts.at(self.address(text))

    def address(self, text: str, option: str = "") -> bytes:
        """An address, or the address of a contract known by name."""
        if text[:2] not in ("0x", "0X"):
            known = self.resolve(text)
            if known is None:
                raise self.unknown(text, option)
            return known
        try:
            return read_address(text)
        except ValueTextError as error:
            raise CliError(f"{option}: not an address", str(error), NAMES, ExitStatus.USAGE) from None

    def known(self, address: str) -> KnownContract:
        """What is at an address, in hex."""
        return self.contracts.at(bytes.fromhex(address[2:]))

    def interface_at(self, address: str) -> Interface | None:
        """The ABI that what an address does is read by, where known."""
        return self.known(address).interface

    def label(self, address: str) -> str:
        """An address for people, with its contract's name where it has one, and how that is known."""
        contract = self.known(address)
        shown = " ".join(filter(None, (contract.name, checksummed(contract.address))))
        return f"{shown} ({contract.remark})" if contract.remark else shown

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

    def unknown(self, text: str, option: str) -> CliError:
        """Nothing has a name."""
        from difflib import get_close_matches

        names = self.artifacts.names()
        close = get_close_matches(text, [*names, *self.artifacts.template_names(), *ADDRESSES], 1)
        more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
        known = (
            f"known are {', '.join(names[:MAX_NAMES])}{more}"
            if names
            else "none has been deployed with `megaeth deploy` yet"
        )
        if self.artifacts.templates(text):
            known = "its code is known, but no contract with it was found on this chain"
        return CliError(
            f"{option + ': ' if option else ''}no contract is called {text!r}",
            known,
            f"did you mean {close[0]}?"
            if close and close[0] != text
            else "give its address, or deploy it: megaeth deploy FILE.sol",
            ExitStatus.USAGE,
        )


def _session_at(env: Environment, rpc_url: str) -> Session | None:
    """The local devnet behind a URL that was given by hand."""
    from devnet.session import running_sessions

    wanted = {one.strip().rstrip("/").replace("localhost", "127.0.0.1") for one in rpc_url.split(",")}
    for session in running_sessions(env.paths.home):
        if any(
            endpoint.rstrip("/") in wanted for node in session.nodes for endpoint in node.endpoints.values()
        ):
            return session
    return None
