"""What web3.py's own tests of a node begin with: a chain with its contracts, blocks and accounts on a devnet.

They are written for geth with a chain of web3.py's own; the names of the fixtures are theirs.
"""

import asyncio
import inspect
import os
from pathlib import Path

import pytest
from web3 import AsyncHTTPProvider, AsyncWeb3, HTTPProvider, Web3, WebSocketProvider
from web3._utils.contract_sources.contract_data._custom_contract_data import EMITTER_ENUM
from web3._utils.contract_sources.contract_data.emitter_contract import EMITTER_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.math_contract import MATH_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.offchain_lookup import OFFCHAIN_LOOKUP_DATA
from web3._utils.contract_sources.contract_data.panic_errors_contract import PANIC_ERRORS_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.revert_contract import REVERT_CONTRACT_DATA
from web3._utils.contract_sources.contract_data.storage_contract import STORAGE_CONTRACT_DATA
from web3._utils.module_testing.utils import RequestMocker

from tests.clients.web3_py import known
from tests.support import wallet
from tests.support.node import Node
from tests.support.waiting import eventually

CHAIN_ID = 131277322940537
"""The one that the tests name."""
CONTRACTS = {
    "math": MATH_CONTRACT_DATA,
    "emitter": EMITTER_CONTRACT_DATA,
    "offchain_lookup": OFFCHAIN_LOOKUP_DATA,
    "panic_errors": PANIC_ERRORS_CONTRACT_DATA,
    "revert": REVERT_CONTRACT_DATA,
    "storage": STORAGE_CONTRACT_DATA,
}


MODES = os.environ.get("WEB3_PY_MODES", "automine").split(",")
"""How blocks are made: `automine`; `continuous`, as on MegaETH."""
TEST_S = 60.0
"""Longest time for one that is a coroutine."""


def pytest_collection_modifyitems(items):
    """Expect those to fail that can't hold. One that holds though it is listed fails, too, with few exceptions."""
    ours = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in ours:
        reason = known.why(item.cls.__name__, item.originalname)
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=reason not in known.MAY_HOLD))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run the tests that are coroutines, on the loop of their provider."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    test = asyncio.wait_for(pyfuncitem.obj(**arguments), TEST_S)
    pyfuncitem._request.getfixturevalue("event_loop").run_until_complete(test)
    return True


class Chain:
    """A node, and what was done on it before the tests."""

    def __init__(self, node):
        self._node = node
        self.rpc = node.rpc
        self.w3 = Web3(HTTPProvider(node.url))
        self.account, self._async_account, self._socket_account = wallet.ACCOUNTS[:3]
        self.receipts = {name: self._deploy(data) for name, data in CONTRACTS.items()}
        emitter = self.contract(self.w3, "emitter")
        self.logged = self.receipt(
            emitter.functions.logDouble(EMITTER_ENUM["LogDoubleWithIndex"], 12345, 54321).transact(
                self._paid()
            )
        )
        self.empty = self._empty_block()
        self.mined = self.receipt(
            self.w3.eth.send_transaction({"to": self.account.address, "value": 1, **self._paid()})
        )

    def async_account(self, cls):
        """Asynchronous tests have an account of their own over each connection: they repeat what the others did with
        it, and the code that it was given once leaves storage behind."""
        return self._socket_account if getattr(cls, "over_websocket", False) else self._async_account

    def contract(self, w3, name):
        return w3.eth.contract(address=self.receipts[name]["contractAddress"], **CONTRACTS[name])

    def receipt(self, digest):
        """What a transaction came to, in a block that is sealed: only then are its number and its hash a block's."""
        found = self.w3.eth.wait_for_transaction_receipt(digest, timeout=60, poll_latency=0.01)
        self._node.sealed(found["blockNumber"])
        return self.w3.eth.get_transaction_receipt(digest)

    def _deploy(self, data):
        return self.receipt(self.w3.eth.contract(**data).constructor().transact(self._paid()))

    def _paid(self):
        return {"from": self.account.address}

    def _empty_block(self):
        self._node.rpc("evm_mine")

        def newest():
            block = self.w3.eth.get_block("latest")
            return None if block["transactions"] else block

        return eventually(newest, "an empty block")


@pytest.fixture(scope="session", params=MODES)
def chain(request, tmp_path_factory):
    settings = {"chain__spec": "equivalence", "chain__chain_id": CHAIN_ID, "chain__gas_limit": 30_000_000}
    automine = request.param == "automine"
    with Node(tmp_path_factory.mktemp("web3-py"), blocks__automine=automine, **settings) as node:
        yield Chain(node)


@pytest.fixture
def w3(chain):
    return chain.w3


@pytest.fixture(scope="session")
def event_loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def w3_over_http(chain, event_loop):
    web3 = AsyncWeb3(AsyncHTTPProvider(chain.w3.provider.endpoint_uri))
    yield web3
    event_loop.run_until_complete(web3.provider.disconnect())


@pytest.fixture
def w3_over_websocket(chain, event_loop):
    endpoint = chain.w3.provider.endpoint_uri.replace("http:", "ws:")
    web3 = event_loop.run_until_complete(AsyncWeb3(WebSocketProvider(endpoint)))
    yield web3
    event_loop.run_until_complete(web3.provider.disconnect())


@pytest.fixture
def async_w3(request, chain):
    """Over what the class of the test is about."""
    is_websocket = getattr(request.cls, "over_websocket", False)
    return request.getfixturevalue("w3_over_websocket" if is_websocket else "w3_over_http")


@pytest.fixture
def blocks_go_on(chain):
    """Blocks are closed by time meanwhile, whatever closes them otherwise."""
    rpc, was_automine = chain.rpc, chain.rpc("anvil_getIntervalMining") is None
    if was_automine:
        rpc("anvil_setIntervalMining", 1)
    yield
    if was_automine:
        rpc("evm_setAutomine", True)


@pytest.fixture
def request_mocker():
    return RequestMocker


@pytest.fixture
def keyfile_account_pkey(chain, request):
    is_async = inspect.iscoroutinefunction(request.function)
    return "0x" + (chain.async_account(request.cls) if is_async else chain.account).key.hex()


@pytest.fixture
def async_keyfile_account_address(chain, request):
    return chain.async_account(request.cls).address


@pytest.fixture
def async_keyfile_account_address_dual_type(async_keyfile_account_address):
    return async_keyfile_account_address


def _always(value):
    """A fixture that has the same value for all tests, derived from the chain."""

    @pytest.fixture
    def found(chain):
        return value(chain)

    return found


def _contract(name, *, is_async=False):
    @pytest.fixture
    def found(chain, request):
        return chain.contract(request.getfixturevalue("async_w3" if is_async else "w3"), name)

    return found


math_contract, async_math_contract = _contract("math"), _contract("math", is_async=True)
emitter_contract, async_emitter_contract = _contract("emitter"), _contract("emitter", is_async=True)
revert_contract, async_revert_contract = _contract("revert"), _contract("revert", is_async=True)
storage_contract, async_storage_contract = _contract("storage"), _contract("storage", is_async=True)
panic_errors_contract = _contract("panic_errors")
async_panic_errors_contract = _contract("panic_errors", is_async=True)
offchain_lookup_contract = _contract("offchain_lookup")
async_offchain_lookup_contract = _contract("offchain_lookup", is_async=True)

math_contract_address = async_math_contract_address = _always(
    lambda chain: chain.receipts["math"]["contractAddress"]
)
emitter_contract_address = async_emitter_contract_address = _always(
    lambda chain: chain.receipts["emitter"]["contractAddress"]
)
math_contract_deploy_txn_hash = _always(lambda chain: chain.receipts["math"]["transactionHash"])
keyfile_account_address = keyfile_account_address_dual_type = _always(lambda chain: chain.account.address)
empty_block = async_empty_block = _always(lambda chain: chain.empty)
block_with_txn = async_block_with_txn = _always(
    lambda chain: chain.w3.eth.get_block(chain.mined["blockHash"])
)
mined_txn_hash = _always(lambda chain: chain.mined["transactionHash"])
block_with_txn_with_log = async_block_with_txn_with_log = _always(
    lambda chain: chain.w3.eth.get_block(chain.logged["blockHash"])
)
txn_hash_with_log = _always(lambda chain: chain.logged["transactionHash"])
skip_if_testrpc = async_skip_if_testrpc = _always(lambda _: lambda _w3: None)
