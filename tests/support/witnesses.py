"""Clients that remember what they were told, until the line goes dead."""

import contextlib
import threading
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed

from devnet._engine import sign_transfers
from tests.support.node import RpcFailure
from tests.support.wallet import CHAIN_ID
from tests.support.ws_client import WsClient

BURST = 25
LOST = (ConnectionClosed, OSError, EOFError)


@dataclass
class Told:
    """All that any client was told, over all lives of the process."""

    receipts: dict[str, dict] = field(default_factory=dict)
    minis: dict[int, dict] = field(default_factory=dict)
    heads: dict[int, str] = field(default_factory=dict)
    faults: list[object] = field(default_factory=list)

    def receipt(self, receipt):
        known = self.receipts.setdefault(receipt["transactionHash"], receipt)
        if essence(known) != essence(receipt):
            self.faults.append(("a receipt changed", known, receipt))

    def mini(self, payload):
        number = int(payload["mini_block_number"], 16)
        known = self.minis.setdefault(number, payload)
        if content(known) != content(payload):
            self.faults.append(("a mini-block was made again with other content", known, payload))

    def head(self, head):
        number = int(head["number"], 16)
        if self.heads.setdefault(number, head["hash"]) != head["hash"]:
            self.faults.append(("a block was made again", number))


def essence(receipt):
    """What of a receipt does not change when its block is sealed."""
    names = ("transactionHash", "blockNumber", "transactionIndex", "status", "gasUsed", "logs", "mega")
    kept = {name: receipt[name] for name in names}
    kept["logs"] = [{**log, "blockHash": None} for log in kept["logs"]]
    return kept


def content(mini):
    """What of a mini-block does not change when its block is sealed. The signature covers the rest."""
    kept = {name: value for name, value in mini.items() if name not in ("transactions", "receipts")}
    hashes = [one if isinstance(one, str) else one["hash"] for one in mini["transactions"]]
    return kept, hashes


class Client(threading.Thread):
    """Runs `work(client)` until the process dies under it."""

    def __init__(self, node, told, work):
        super().__init__(daemon=True)
        self._url, self._told, self._work = node.ws_url, told, work
        self.start()

    def run(self):
        try:
            with WsClient(self._url) as client:
                self._work(client)
        except LOST:
            pass
        except RpcFailure as fault:
            self._told.faults.append(("an error", fault))
        except Exception as error:
            self._told.faults.append(("a client broke", repr(error)))


def listener(told):
    """Hears of every mini-block and every block."""

    def work(client):
        client.call("eth_subscribe", "miniBlocks")
        client.call("eth_subscribe", "newHeads")
        while True:
            result = client.receive()["params"]["result"]
            if "mini_block_number" in result:
                told.mini(result)
            else:
                told.head(result)

    return work


def _signed(client, account, recipient, count):
    nonce = int(client.call("eth_getTransactionCount", account.address, "pending"), 16)
    return [
        "0x" + raw.hex()
        for raw in sign_transfers(
            [account.key], [nonce], [recipient], count, chain_id=CHAIN_ID, gas_limit=100_000
        )
    ]


def waiting_sender(told, account, recipient):
    """Sends one transaction at a time and waits for its receipt."""

    def work(client):
        while True:
            for raw in _signed(client, account, recipient, BURST):
                told.receipt(client.call("realtime_sendRawTransaction", raw))

    return work


def hasty_sender(told, account, recipient):
    """Sends bursts, then asks for the receipts."""

    def work(client):
        while True:
            hashes = client.calls(
                "eth_sendRawTransaction", [(r,) for r in _signed(client, account, recipient, BURST)]
            )
            while hashes:
                receipts = client.calls("eth_getTransactionReceipt", [(one,) for one in hashes])
                for receipt in filter(None, receipts):
                    told.receipt(receipt)
                hashes = [one for one, receipt in zip(hashes, receipts, strict=True) if receipt is None]

    return work


@contextlib.contextmanager
def load(node, told, accounts, recipient):
    """Two patient and two hasty senders, and one who listens; all gone at the end."""
    first, second, third, fourth = accounts[:4]
    works = [
        listener(told),
        waiting_sender(told, first, recipient),
        waiting_sender(told, second, recipient),
        hasty_sender(told, third, recipient),
        hasty_sender(told, fourth, recipient),
    ]
    clients = [Client(node, told, work) for work in works]
    yield
    for client in clients:
        client.join(10)
        assert not client.is_alive()
