"""Otterscan's requests, in the order in which its pages make them: they have no other way to show a chain."""

from tests.support import wallet

CLIENT = "Otterscan 2.x"
TRIES = "the requests of its home, block, transaction and address pages, and of its search, in their order"
KNOWN = {}
API_LEVEL = 8
PAGE = 25
FORWARDER = "0x6016600c60003960166000f35f5f5f5f345f355af15060203611601257005b5f5ffd"
"""Creates a contract that sends what it is sent to the first word of its calldata."""
RECEIVER = "0x" + "55" * 20


def run(lab, report):
    """Make all checks."""
    with lab.devnet("otterscan", blocks__automine=True) as node:
        pages = Pages(node)
        for name in ("connect", "home", "block", "transaction", "address", "contract", "nonce_search"):
            with report.check(name.replace("_", " ")):
                getattr(pages, name)()


class Pages:
    """What the explorer asks for each of its pages, of a chain with some transactions."""

    def __init__(self, node):
        self.rpc = node.rpc
        self.sender = wallet.address(2)
        self.created = self._sent(data=FORWARDER)
        self.forwarder = self.created["contractAddress"]
        self.moved = self._sent(to=self.forwarder, value="0x7", data="0x" + RECEIVER[2:].rjust(64, "0"))
        self.number = int(self.moved["blockNumber"], 16)

    def _sent(self, **fields):
        digest = self.rpc("eth_sendTransaction", {"from": self.sender, "gas": hex(2_000_000), **fields})
        receipt = self.rpc("eth_getTransactionReceipt", digest)
        assert receipt["status"] == "0x1"
        return receipt

    def connect(self):
        """Whether the node is one that it can use; an older erigon has no level."""
        assert self.rpc("web3_clientVersion")
        assert self.rpc("erigon_getHeaderByNumber", "0x1")["number"] == "0x1"
        assert self.rpc("ots_getApiLevel") >= API_LEVEL
        assert int(self.rpc("eth_chainId"), 16) == wallet.CHAIN_ID
        assert self.rpc("net_version") == str(wallet.CHAIN_ID)

    def home(self):
        """The newest block and the finalized one."""
        newest = self.rpc("eth_getBlockByNumber", "latest", False)
        finalized = self.rpc("eth_getBlockByNumber", "finalized", False)
        safe = self.rpc("eth_getBlockByNumber", "safe", False)
        assert int(finalized["number"], 16) <= int(safe["number"], 16) <= int(newest["number"], 16)
        assert self.rpc("eth_syncing") is False

    def block(self):
        """A block's head, by number and by hash, and its transactions page by page."""
        head = self.rpc("ots_getBlockDetails", self.number)
        assert head["block"]["transactionCount"] == 1 and head["issuance"] and head["totalFees"]
        assert self.rpc("ots_getBlockDetailsByHash", head["block"]["hash"])["block"] == head["block"]
        page = self.rpc("ots_getBlockTransactions", self.number, 0, PAGE)
        [shown], [receipt] = page["fullblock"]["transactions"], page["receipts"]
        assert shown["hash"] == receipt["transactionHash"] == self.moved["transactionHash"]
        assert self.rpc("ots_hasCode", shown["to"], hex(self.number)) is True
        assert self.rpc("ots_hasCode", shown["from"], hex(self.number)) is False

    def transaction(self):
        """A transaction, whether it failed, its internal transfers, its calls, its logs' block."""
        digest = self.moved["transactionHash"]
        found = self.rpc("eth_getTransactionByHash", digest)
        assert self.rpc("eth_getTransactionReceipt", digest)["blockHash"] == found["blockHash"]
        assert self.rpc("eth_getBlockByHash", found["blockHash"], False)["baseFeePerGas"]
        assert self.rpc("ots_getTransactionError", digest) == "0x"
        [internal] = self.rpc("ots_getInternalOperations", digest)
        assert (internal["to"], internal["value"]) == (RECEIVER, "0x7")
        calls = self.rpc("ots_traceTransaction", digest)
        assert [(one["type"], one["depth"]) for one in calls] == [("CALL", 0), ("CALL", 1)]
        assert self.rpc(
            "debug_traceTransaction", digest, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
        )

    def address(self):
        """An account's balance and nonce, then its transactions from the newest on, and from the oldest."""
        assert int(self.rpc("eth_getBalance", self.sender, "latest"), 16) > 0
        assert self.rpc("ots_hasCode", self.sender, "latest") is False
        assert self.rpc("eth_getTransactionCount", self.sender, "latest") == "0x2"
        newest = self.rpc("ots_searchTransactionsBefore", self.sender, 0, PAGE)
        oldest = self.rpc("ots_searchTransactionsAfter", self.sender, 0, PAGE)
        hashes = [self.moved["transactionHash"], self.created["transactionHash"]]
        for page in (newest, oldest):
            assert [one["hash"] for one in page["txs"]] == hashes
            assert [one["transactionHash"] for one in page["receipts"]] == hashes
            assert page["firstPage"] is True and page["lastPage"] is True
        first = int(self.created["blockNumber"], 16)
        later = self.rpc("ots_searchTransactionsAfter", self.sender, first, PAGE)
        assert [one["hash"] for one in later["txs"]] == hashes[:1]

    def contract(self):
        """Who made a contract, and its code."""
        found = self.rpc("ots_getContractCreator", self.forwarder)
        assert found == {"hash": self.created["transactionHash"], "creator": self.sender}
        assert len(self.rpc("eth_getCode", self.forwarder, "latest")) > 2

    def nonce_search(self):
        """The transaction that an account sent with a nonce."""
        digest = self.rpc("ots_getTransactionBySenderAndNonce", self.sender, 1)
        assert digest == self.moved["transactionHash"]
        assert self.rpc("ots_getTransactionBySenderAndNonce", self.sender, 7) is None
