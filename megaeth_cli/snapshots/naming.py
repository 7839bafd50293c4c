"""Differences with the names that the running devnet has for contracts and their variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from megaeth_cli.env import environment
from megaeth_cli.inspect.diff import AccountChange, changes, keys_of
from megaeth_cli.output.diff import changes_json, diff_text
from megaeth_cli.units import checksummed

if TYPE_CHECKING:
    import typer

    from megaeth_cli.abi import Interface
    from megaeth_cli.contracts.network import Network
    from megaeth_cli.inspect.layout import Layout
    from megaeth_cli.snapshots.difference import AccountDifference

Json = Any


class Names:
    """Of one command. Without a devnet that runs, addresses and numbers are all there is."""

    def __init__(
        self, context: typer.Context, rpc_url: str | None, differing: Sequence[AccountDifference]
    ) -> None:
        from megaeth_cli.contracts.network import Network
        from megaeth_cli.select_devnet import find_session

        runs = rpc_url is not None or find_session(environment(context)) is not None
        self._network: Network | None = Network.open(context, rpc_url) if runs else None
        if self._network is not None:
            self._network.contracts.expect(bytes.fromhex(one.address[2:]) for one in differing)
        self._accounts: list[Json] = [one.to_json() for one in differing]
        self._keys = keys_of((), (), {"accounts": self._accounts}, self._interface)

    def text(self, limit: int) -> str:
        """For people: so many accounts, and so many slots of each."""
        accounts = [one | {"storage": one["storage"][:limit]} for one in self._accounts[:limit]]
        return diff_text(self._named(accounts), (), self._label, self._interface, {})

    def facts(self) -> list[dict[str, Json]]:
        """For programs: all of them."""
        return changes_json(self._named(self._accounts), self._known)

    def _named(self, accounts: list[Json]) -> list[AccountChange]:
        return changes({"accounts": accounts}, self._layout, self._keys)

    def _interface(self, address: str) -> Interface | None:
        return self._network.interface_at(address) if self._network is not None else None

    def _layout(self, address: str) -> Layout | None:
        return self._network.known(address).layout if self._network is not None else None

    def _label(self, address: str) -> str:
        return (
            self._network.label(address)
            if self._network is not None
            else checksummed(bytes.fromhex(address[2:]))
        )

    def _known(self, address: str) -> dict[str, Json]:
        return self._network.known(address).to_json() if self._network is not None else {}
