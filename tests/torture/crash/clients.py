"""Independent clients: each sends from an account of its own, to one node, and keeps the receipts it is given.

What they send can be counted again from the state alone: transfers of one wei, all to the same recipient, and writes of
a transaction's nonce to the slot that is the nonce modulo `SLOTS`. A call that fails promises nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Final

from websockets.exceptions import WebSocketException

from devnet._engine import sign_transfers
from tests.support import wallet
from tests.support.node import RpcFailure
from tests.support.waiting import eventually
from tests.support.witnesses import Told
from tests.support.ws_client import WsClient
from tests.torture.crash.network import FULL_NODE, PATIENCE_S, SEQUENCER, Network, Victim

RECIPIENT: Final = b"\xcc" * 20
SLOTS: Final = 64
WRITER_CODE: Final = "0x67" + "6020356000355500" + "60005260086018f3"
"""Deploys a contract that writes its second word to the slot that the first one names."""
DEPLOYER: Final = 9
BURST: Final = 4
REST_S: Final = 0.05
AGAIN_S: Final = 0.05
RECEIPT_S: Final = 3.0
"""After this a hasty client takes what it has no receipt of for gone."""
GONE = (WebSocketException, OSError, EOFError)


class Client(threading.Thread):
    """One of them."""

    def __init__(self, node: Victim, sender: int, told: Told) -> None:
        super().__init__(name=f"client {sender} of {node.name}", daemon=True)
        self._node, self._told, self._sender = node, told, sender
        self._is_wanted = threading.Event()
        self._is_over = threading.Event()
        self.is_idle = threading.Event()
        self.unkept: Counter[str] = Counter()
        """What nodes said instead of doing it."""

    def run(self) -> None:
        while not self._is_over.is_set():
            if not self._is_wanted.wait(REST_S):
                self.is_idle.set()
                continue
            try:
                with WsClient(self._node.ws_url) as line:
                    while self._is_wanted.is_set():
                        nonce = int(line.call("eth_getTransactionCount", self._address, "pending"), 16)
                        self._send(line, self._signed(nonce))
                        time.sleep(REST_S)
            except GONE:
                time.sleep(AGAIN_S)
            except RpcFailure as failure:
                self.unkept[failure.message] += 1
                time.sleep(AGAIN_S)

    def go(self) -> None:
        """Send."""
        self.is_idle.clear()
        self._is_wanted.set()

    def rest(self) -> None:
        """Send nothing more."""
        self._is_wanted.clear()

    def end(self) -> None:
        """For ever."""
        self._is_over.set()
        self._is_wanted.clear()

    @property
    def _address(self) -> str:
        return wallet.address(self._sender)

    def _signed(self, nonce: int) -> list[str]:
        key = wallet.ACCOUNTS[self._sender].key
        transfers = sign_transfers(
            [key], [nonce], [RECIPIENT], BURST, chain_id=wallet.CHAIN_ID, gas_limit=100_000
        )
        return ["0x" + raw.hex() for raw in transfers]

    def _send(self, line: WsClient, transactions: list[str]) -> None:
        """Patiently: each when the one before it is in."""
        for raw in transactions:
            self._told.receipt(line.call("realtime_sendRawTransaction", raw))


class Hasty(Client):
    """Sends all at once, and asks for the receipts later."""

    def _send(self, line: WsClient, transactions: list[str]) -> None:
        missing = line.calls("eth_sendRawTransaction", [(raw,) for raw in transactions])
        end = time.monotonic() + RECEIPT_S
        while missing and time.monotonic() < end:
            found = line.calls("eth_getTransactionReceipt", [(one,) for one in missing])
            for receipt in filter(None, found):
                self._told.receipt(receipt)
            missing = [one for one, receipt in zip(missing, found, strict=True) if receipt is None]


class Writer(Client):
    """Writes to storage."""

    contract: str

    def _signed(self, nonce: int) -> list[str]:
        return [
            wallet.signed(self._sender, number, to=self.contract, input=_words(number % SLOTS, number))
            for number in range(nonce, nonce + BURST)
        ]


class Group:
    """Clients that begin and end together."""

    _all: list[Client]

    def go(self) -> None:
        """Send."""
        for client in self._all:
            client.go()

    def rest(self) -> None:
        """Send nothing more; on return nobody waits for an answer."""
        for client in self._all:
            client.rest()
        for client in self._all:
            eventually(client.is_idle.is_set, f"{client.name} to come to an end", PATIENCE_S)

    def end(self) -> None:
        """For ever."""
        for client in self._all:
            client.end()
        for client in self._all:
            client.join(PATIENCE_S)

    @property
    def unkept(self) -> Counter[str]:
        """What nodes said instead of doing what they were asked."""
        return sum((client.unkept for client in self._all), Counter())


class Clients(Group):
    """All of them."""

    def __init__(self, network: Network, told: Told) -> None:
        leader, follower = network[SEQUENCER], network[FULL_NODE]
        self._told = told
        self._writer = Writer(leader, 2, told)
        self._all = [
            Client(leader, 0, told),
            Hasty(follower, 1, told),
            self._writer,
            Client(follower, 3, told),
        ]
        self.payers = [wallet.address(number) for number in (0, 1, 3)]
        """Those that send transfers."""
        self.writer = wallet.address(2)
        self._leader = leader

    def begin(self) -> str:
        """Deploys their contract and begins; the contract."""
        receipt = wallet.send(self._leader, DEPLOYER, input=WRITER_CODE, gas=hex(10_000_000))
        assert receipt["status"] == "0x1", receipt
        self._told.receipt(receipt)
        self._writer.contract = receipt["contractAddress"].lower()
        for client in self._all:
            client.start()
        self.go()
        return self._writer.contract


def _words(*values: int) -> str:
    return "0x" + "".join(f"{value:064x}" for value in values)
