"""cast: every command that asks a node, and those that send."""

import json
import subprocess
from urllib.parse import urlsplit

from tests.clients.lab import foundry
from tests.clients.report import run_program
from tests.support import npm, wallet
from tests.support.waiting import eventually

CLIENT = f"cast {npm.CLIENTS[npm.CAST]}"
TRIES = (
    "every command that asks a node, `send`, `mktx` and `publish`, `run` of an old transaction, `logs --subscribe`, "
    "`call --trace`"
)
KNOWN = {}
KEY = "0x" + wallet.ACCOUNTS[7].key.hex()
OTHER = wallet.address(1)
TRANSFER_EVENT = "Transfer(address indexed from,address indexed to,uint256 value)"
TRANSFER = ("transfer(address,uint256)", OTHER, "1")
ANSWER = "0x602a5f5260205ff3"
"""Code that answers 42."""
OLD_BLOCKS = 20


def run(lab, report):
    """Make all checks."""
    with lab.devnet("cast", blocks__automine=True) as node:
        chain = Chain(lab, node)
        for name, asks in READS.items():
            with report.check(name):
                asks(chain)


class Chain:
    """cast, on a devnet with a token that has paid once, some blocks ago."""

    def __init__(self, lab, node):
        self.node = node
        self.environment = {**lab.environment, "ETH_RPC_URL": node.url, "HOME": str(lab.directory)}
        self.directory = lab.directory
        token = lab.token()
        created = json.loads(
            self(
                "send",
                "--private-key",
                KEY,
                "--json",
                "--create",
                token["bytecode"],
                "constructor(string,string,uint256)",
                "MegaCoin",
                "MEGA",
                "1000",
            )
        )
        self.token = created["contractAddress"]
        self.paid = self.pay("5")
        self.number = int(self.paid["blockNumber"], 16)
        block = node.rpc("eth_getBlockByNumber", self.paid["blockNumber"], False)
        self.time = int(block["timestamp"], 16)
        node.rpc("anvil_mine", hex(OLD_BLOCKS))

    def __call__(self, *arguments):
        """What it printed."""
        return run_program((foundry("cast"), *arguments), cwd=self.directory, environment=self.environment)

    def json(self, *arguments):
        return json.loads(self(*arguments, "--json"))

    def pay(self, value):
        return self.json("send", self.token, "transfer(address,uint256)", OTHER, value, "--private-key", KEY)

    def send(self, *what):
        return self.json("send", OTHER, *what, "--private-key", KEY)

    def logs_from(self, block, *topics):
        """How many transfers it tells of."""
        return len(
            self.json("logs", "--address", self.token, "--from-block", str(block), TRANSFER_EVENT, *topics)
        )

    def balance_at(self, block):
        told = self("call", self.token, "balanceOf(address)(uint256)", OTHER, "--block", str(block))
        return int(told.split()[0])


def _equal(found, wanted):
    assert found == wanted, f"{found}, not {wanted}"


def _subscribe(chain):
    """Each event is told once, as it happens."""
    address = urlsplit(chain.node.url).netloc
    command = [
        foundry("cast"),
        "logs",
        "--subscribe",
        "--rpc-url",
        f"ws://{address}",
        "--address",
        chain.token,
        TRANSFER_EVENT,
    ]
    heard = chain.directory / "subscribed"
    with heard.open("w") as out:
        process = subprocess.Popen(list(map(str, command)), stdout=out, stderr=out, env=chain.environment)
    try:
        # One that is sent before it listens is not for it.
        eventually(
            lambda: chain.pay("1") and "transactionHash" in heard.read_text(), "an event", deadline_s=60
        )
        digest = chain.pay("2")["transactionHash"]
        eventually(lambda: digest in heard.read_text(), "the other event", deadline_s=60)
        _equal(heard.read_text().count(digest), 1)
    finally:
        process.kill()
        process.wait()


def _mktx_and_publish(chain):
    raw = chain("mktx", OTHER, "--value", "1", "--private-key", KEY)
    _equal(chain.json("publish", raw)["status"], "0x1")


def _run(chain):
    told = chain("run", chain.paid["transactionHash"])
    assert "transfer" in told or "a9059cbb" in told, told
    assert "Transaction successfully executed" in told, told


def _call_trace(chain):
    told = chain(
        "call", chain.token, "transfer(address,uint256)", OTHER, "1", "--from", wallet.address(7), "--trace"
    )
    assert "Transaction successfully executed" in told, told


def _call_with_overrides(chain):
    told = chain("call", OTHER, "0x", "--override-code", f"{OTHER}:{ANSWER}")
    _equal(int(told, 16), 42)


def _unlocked(chain):
    sent = chain.json("send", OTHER, "--value", "1", "--from", wallet.address(3), "--unlocked")
    _equal(sent["status"], "0x1")


def _holds(chain, *arguments, part=""):
    told = chain(*arguments)
    assert told and part in told, told


READS = {
    "chain-id": lambda c: _equal(c("chain-id"), str(wallet.CHAIN_ID)),
    "chain": lambda c: _holds(c, "chain"),
    "client": lambda c: _holds(c, "client", part="megaeth-devnet/v"),
    "block-number": lambda c: _equal(int(c("block-number")), c.number + OLD_BLOCKS),
    "block-number of a tag": lambda c: _equal(c("block-number", "earliest"), "0"),
    "block": lambda c: _equal(c.json("block", str(c.number))["hash"], c.paid["blockHash"]),
    "block by hash": lambda c: _equal(int(c.json("block", c.paid["blockHash"])["number"], 16), c.number),
    "block --full": lambda c: _equal(len(c.json("block", str(c.number), "--full")["transactions"]), 1),
    "block --raw": lambda c: _holds(c, "block", str(c.number), "--raw", part="0x"),
    "age": lambda c: _holds(c, "age", str(c.number)),
    "find-block": lambda c: _equal(c("find-block", str(c.time)), str(c.number)),
    "base-fee": lambda c: _equal(c("base-fee", str(c.number)), "1000000"),
    "gas-price": lambda c: _equal(c("gas-price"), "1000000"),
    "balance": lambda c: _equal(int(c("balance", wallet.address(9))), 10_000 * 10**18),
    "balance at an old block": lambda c: _holds(c, "balance", OTHER, "--block", str(c.number)),
    "balance --erc20": lambda c: _holds(c, "balance", OTHER, "--erc20", c.token, part="5"),
    "nonce": lambda c: _equal(c("nonce", wallet.address(9)), "0"),
    "code": lambda c: _holds(c, "code", c.token, part="0x60"),
    "codehash": lambda c: _equal(len(c("codehash", c.token)), 66),
    "codesize": lambda c: _equal(int(c("codesize", c.token)), len(c("code", c.token)) // 2 - 1),
    "storage": lambda c: _holds(c, "storage", c.token, "0", part="0x4d656761436f696e"),
    "storage-root": lambda c: _equal(len(c("storage-root", c.token)), 66),
    "proof": lambda c: _equal(c.json("proof", c.token, "0")["address"], c.token.lower()),
    "implementation": lambda c: _equal(int(c("implementation", c.token), 16), 0),
    "admin": lambda c: _equal(int(c("admin", c.token), 16), 0),
    "tx": lambda c: _equal(c.json("tx", c.paid["transactionHash"])["blockHash"], c.paid["blockHash"]),
    "tx of a field": lambda c: _equal(c("tx", c.paid["transactionHash"], "nonce"), "1"),
    "tx --raw": lambda c: _holds(c, "tx", c.paid["transactionHash"], "--raw", part="0x02"),
    "receipt": lambda c: _equal(len(c.json("receipt", c.paid["transactionHash"])["logs"]), 1),
    "logs": lambda c: _equal(c.logs_from(c.number), 1),
    "logs of an indexed argument": lambda c: _equal(c.logs_from(0, "", OTHER), 1),
    "logs --subscribe": _subscribe,
    "call": lambda c: _equal(c("call", c.token, "symbol()(string)"), '"MEGA"'),
    "call at old blocks": lambda c: _equal([c.balance_at(c.number - 1), c.balance_at(c.number)], [0, 5]),
    "call --create": lambda c: _equal(c("call", "--create", ANSWER), f"0x{42:064x}"),
    "call --trace": _call_trace,
    "call --override-code": _call_with_overrides,
    "estimate": lambda c: _equal(int(c("estimate", OTHER, "--value", "1", "--from", OTHER)), 60_000),
    "access-list": lambda c: _holds(c, "access-list", c.token, *TRANSFER, "--from", wallet.address(7), part="gas used"),
    "erc20-token": lambda c: _holds(c, "erc20-token", "balance", c.token, OTHER),
    "tx-pool status": lambda c: _holds(c, "tx-pool", "status", part="pending"),
    "tx-pool content": lambda c: _holds(c, "tx-pool", "content", part="pending"),
    "tx-pool inspect": lambda c: _holds(c, "tx-pool", "inspect", part="pending"),
    "da-estimate": lambda c: _holds(c, "da-estimate", str(c.number)),
    "rpc": lambda c: _equal(int(json.loads(c("rpc", "eth_chainId")), 16), wallet.CHAIN_ID),
    "rpc --raw": lambda c: _holds(c, "rpc", "--raw", "eth_getBlockByNumber", '["latest", false]', part="hash"),
    "trace": lambda c: _holds(c, "trace", c.paid["transactionHash"], part=c.token.lower()[2:]),
    "run": _run,
    "run --quick": lambda c: _holds(c, "run", "--quick", c.paid["transactionHash"], part="successfully"),
    "send": lambda c: _equal(c.pay("1")["status"], "0x1"),
    "send --unlocked": _unlocked,
    "send --legacy": lambda c: _equal(c.send("--value", "1", "--legacy")["type"], "0x0"),
    "mktx and publish": _mktx_and_publish,
    "send --auth": lambda c: _equal(c.send("--auth", c.token)["type"], "0x4"),
}  # fmt: skip
"""In this order."""
