"""anvil and a devnet's sequencer side by side, each with the same short history."""

import http.client
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from devnet._engine import keccak256
from tests.support import wallet
from tests.support.anvil import anvil_like_a_devnet
from tests.support.node import Node
from tests.support.waiting import eventually

TOKEN_CODE = "0x6015600c60003960156000f36004360360045f37600436035f20545f5260205ff3"
"""A contract that answers each question from a slot of its own: enough of a token to have balances set."""
STRANGER = "0x" + "5a" * 20
GAS = hex(1_000_000)


class Endpoint:
    """Where JSON-RPC is answered."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, method: str, params: list[Any]) -> dict[str, Any]:
        """`{"result": ...}` or `{"error": ...}`."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            connection.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return {key: answer[key] for key in ("result", "error") if key in answer}

    def must(self, method: str, *params: Any) -> Any:
        """The result."""
        answer = self.ask(method, list(params))
        assert "result" in answer, (method, answer)
        return answer["result"]


class History:
    """A contract, a token, a call: what `$words` stand for in what is asked."""

    def __init__(self, endpoint: Endpoint) -> None:
        sender, other = wallet.address(0), wallet.address(1)
        contract = self._sent(endpoint, {"from": sender, "data": wallet.EMITTER_CODE})["contractAddress"]
        token = self._sent(endpoint, {"from": sender, "data": TOKEN_CODE})["contractAddress"]
        receipt = self._sent(endpoint, {"from": sender, "to": contract})
        number, block = receipt["blockNumber"], receipt["blockHash"]
        code = endpoint.must("eth_getCode", contract, "latest")
        raws = (
            wallet.signed(2, nonce, to=other, value="0x1", gas=GAS, maxFeePerGas=hex(10**10))
            for nonce in itertools.count()
        )
        now = int(endpoint.must("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        digest = keccak256(bytes.fromhex(code[2:])).hex()
        self.words: dict[str, Any] = {
            "sender": sender, "other": other, "stranger": STRANGER, "contract": contract, "token": token,
            "tx": receipt["transactionHash"], "block": block, "number": number,
            "numeric": int(number, 16), "before": int(number, 16) - 1,
            "codeHash": "0x" + digest, "codeKey": "0x63" + digest,
            "rawBlock": endpoint.ask("debug_getRawBlock", [number]).get("result", "0x"),
            "filter": endpoint.must("eth_newFilter", {"address": contract}),
            "raw": next(raws), "raw2": next(raws), "raw3": next(raws),
            "soon": hex(now + 100), "later": hex(now + 200), "future": hex(now + 1000),
            "dump": endpoint.must("anvil_dumpState"),
        }  # fmt: skip
        self.words["raw1"] = self.words["raw"]

    def _sent(self, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
        digest = endpoint.must("eth_sendTransaction", {"gas": GAS, **fields})
        receipt: dict[str, Any] = eventually(
            lambda: endpoint.must("eth_getTransactionReceipt", digest), "a receipt"
        )
        return receipt

    def fill(self, value: Any) -> Any:
        """What is asked, of this chain."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(member) for key, member in value.items()}
        if isinstance(value, list):
            return [self.fill(member) for member in value]
        if isinstance(value, str) and value.startswith("$"):
            return self.words[value[1:]]
        return value


@contextmanager
def anvil(directory: Path) -> Iterator[Endpoint]:
    """anvil, on a chain with the devnet's id and accounts."""
    directory.mkdir()
    with anvil_like_a_devnet(directory, "--steps-tracing") as found:
        yield Endpoint(found.port)


@contextmanager
def devnet(directory: Path) -> Iterator[Endpoint]:
    """A sequencer by Ethereum's rules that mines as anvil does."""
    with Node(directory, chain__spec="equivalence", blocks__automine=True, blocks__block_time_s=1.0) as node:
        yield Endpoint(node.port)
