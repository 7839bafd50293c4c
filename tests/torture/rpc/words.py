"""Requests that nobody would write: every method there is, with parameters that are right, nearly right and absurd."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

from tests.support import wallet

PAGE = Path(__file__).parents[3] / "docs" / "json-rpc.md"
NAME = re.compile(r"`((?:eth|net|web3|rpc|personal|txpool|mega|realtime)_\w+)`")
METHODS = sorted({*NAME.findall(PAGE.read_text()), "mega_getAttestations", "mega_getMiniBlockRecords"})
ACCOUNTS = range(5, 10)
"""Whose nonces attackers may use; the others are honest clients'."""
HUGE = (2**31, 2**53, 2**63, 2**64 - 1, 2**64, 2**128, 2**256 - 1, 2**256, 10**100)
TEXTS = (
    "",
    "0x",
    "0x0",
    "0x00",
    "latest",
    "pending",
    "earliest",
    "safe",
    "ü",
    "\u0000",
    "😀",
    "'\"\\",
    "true",
    "-1",
)


class Words:
    """Mutations from one source of chance."""

    def __init__(self, source: random.Random) -> None:
        self._random = source

    def body(self) -> bytes:
        """One body: mostly a request or a batch, seldom no JSON at all."""
        chance = self._random.random()
        if chance < 0.70:
            return self.text(self.request())
        if chance < 0.85:
            return self.text([self.request() for _ in range(self._random.choice([0, 1, 2, 10, 40]))])
        if chance < 0.90:
            return self.nested()
        return self.spoiled(self.text(self.request()))

    def text(self, value: object) -> bytes:
        """JSON, now and then with escapes and with space."""
        choice = self._random.random()
        return json.dumps(value, ensure_ascii=choice < 0.8, indent=1 if choice > 0.95 else None).encode()

    def request(self) -> Any:
        """One request, often with something wrong about it."""
        pick = self._random.choice
        request: dict[str, Any] = {
            "jsonrpc": "2.0",
            "id": self._random.randrange(10**6),
            "method": pick(METHODS),
            "params": self.params(),
        }
        chance = self._random.random()
        if chance < 0.10:
            request["id"] = pick([*HUGE, 1.5, -1, None, "x", "ü", [], {}, True])
        elif chance < 0.15:
            request[pick(list(request))] = self.value(2)
        elif chance < 0.20:
            del request[pick(list(request))]
        elif chance < 0.22:
            return self._random.choice(
                [
                    self.quantity(),
                    self.address(),
                    None,
                    True,
                    {},
                    {"a": self.value(1)},
                    list(request.values()),
                ]
            )
        return request

    def params(self) -> list[Any]:
        """Parameters of no method in particular."""
        return [self.parameter() for _ in range(self._random.choice([0, 1, 1, 2, 2, 3, 4]))]

    def parameter(self) -> Any:
        """One parameter that some method might take."""
        pick = self._random.choice
        return pick(
            [
                self.address, self.hash, self.call, self.filter, self.value, self.quantity, self.data,
                lambda: pick(TEXTS), lambda: pick([True, False, None]), lambda: [self.address()], dict,
            ]
        )()  # fmt: skip

    def address(self) -> str:
        """An account of somebody's, or nobody's."""
        random_ = self._random
        known = wallet.address(random_.choice(ACCOUNTS))
        return random_.choice(
            [known, "0x" + "00" * 20, "0x" + random_.randbytes(20).hex(), known[:-1], known + "0"]
        )

    def hash(self) -> str:
        """32 bytes, or nearly."""
        return "0x" + self._random.randbytes(self._random.choice([32, 32, 32, 31, 33, 0])).hex()

    def data(self) -> str:
        """Some bytes, or nearly."""
        return (
            self._random.choice(["0x", "0X"])
            + "ab" * self._random.choice([0, 1, 4, 32, 1_000])
            + self._random.choice(["", "", "a"])
        )

    def quantity(self) -> Any:
        """A number, however written."""
        number = self._random.choice([0, 1, 2, 10, 255, -1, *HUGE])
        return self._random.choice(
            [number, hex(number), str(number), float(min(number, 2**60)), f"0x0{abs(number):x}"]
        )

    def call(self) -> dict[str, Any]:
        """A call or a transaction."""
        names = [
            "from", "to", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "data", "input", "nonce",
            "chainId", "type", "accessList", "authorizationList", "blobs", "gasLimit",
        ]  # fmt: skip
        chosen = self._random.sample(names, self._random.randint(0, 6))
        makers = {"from": self.address, "to": self.address, "data": self.data, "input": self.data}
        return {name: makers.get(name, self.quantity)() for name in chosen}

    def filter(self) -> dict[str, Any]:
        """A filter of logs; not of so many blocks that it is work."""
        random_ = self._random
        members = {
            "fromBlock": lambda: random_.choice(["latest", "pending", "0x0", self.quantity()]),
            "toBlock": lambda: random_.choice(["latest", "pending", self.quantity()]),
            "address": lambda: random_.choice([self.address(), [self.address()], []]),
            "topics": lambda: random_.choice(
                [[], [None], [[self.hash(), None]], [self.hash()], self.value()]
            ),
            "blockHash": self.hash,
        }
        return {name: members[name]() for name in random_.sample(list(members), random_.randint(0, 3))}

    def value(self, depth: int = 3) -> Any:
        """Any JSON at all."""
        random_ = self._random
        kinds = [
            lambda: random_.choice(TEXTS),
            lambda: random_.choice(HUGE),
            lambda: random_.uniform(-1e9, 1e9),
        ]
        kinds += [lambda: None, lambda: True, lambda: "x" * random_.choice([10, 1_000])]
        if depth:
            kinds.append(lambda: [self.value(depth - 1) for _ in range(random_.randint(0, 3))])
            kinds.append(
                lambda: {random_.choice(TEXTS): self.value(depth - 1) for _ in range(random_.randint(0, 3))}
            )
        return random_.choice(kinds)()

    def nested(self) -> bytes:
        """A request whose parameters are deep."""
        depth = self._random.choice([30, 63, 64, 65, 254, 255, 500, 1_000, 5_000])
        method = self._random.choice(METHODS).encode()
        opened, closed = self._random.choice([(b"[", b"]"), (b'{"a":', b"}")])
        params = b"[" + opened * depth + b"1" + closed * depth + b"]"
        return b'{"jsonrpc":"2.0","id":1,"method":"%b","params":%b}' % (method, params)

    def spoiled(self, data: bytes) -> bytes:
        """The same bytes, with some of them replaced, left out or said twice."""
        spoiled = bytearray(data)
        for _ in range(self._random.randint(1, 4)):
            if not spoiled:
                break
            at = self._random.randrange(len(spoiled))
            chance = self._random.random()
            if chance < 0.4:
                spoiled[at] = self._random.randrange(256)
            elif chance < 0.7:
                del spoiled[at : at + self._random.randint(1, 8)]
            else:
                spoiled[at:at] = spoiled[at : at + self._random.randint(1, 40)]
        return bytes(spoiled)
