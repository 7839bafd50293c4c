"""web3.py's own tests of a node, against a devnet in both manners of mining."""

import pytest
from web3._utils.module_testing import (
    AsyncEthModuleTest,
    AsyncNetModuleTest,
    EthModuleTest,
    GoEthereumAsyncDebugModuleTest,
    GoEthereumAsyncTxPoolModuleTest,
    GoEthereumDebugModuleTest,
    GoEthereumTxPoolModuleTest,
    NetModuleTest,
    Web3ModuleTest,
)
from web3._utils.module_testing.persistent_connection_provider import PersistentConnectionProviderTest
from web3._utils.module_testing.web3_module import AsyncWeb3ModuleTest

# web3.py leaves coroutines of batches without a result, and warns.
pytestmark = pytest.mark.filterwarnings("ignore")


class ClientVersion:
    def _check_web3_client_version(self, client_version):
        assert client_version.startswith("megaeth-devnet/v")


class TestEth(EthModuleTest):
    pass


class TestAsyncEth(AsyncEthModuleTest):
    pass


class TestNet(NetModuleTest):
    pass


class TestAsyncNet(AsyncNetModuleTest):
    pass


class TestWeb3(ClientVersion, Web3ModuleTest):
    pass


class TestAsyncWeb3(ClientVersion, AsyncWeb3ModuleTest):
    pass


class TestAsyncEthOverWebSocket(AsyncEthModuleTest):
    over_websocket = True


class TestAsyncNetOverWebSocket(AsyncNetModuleTest):
    over_websocket = True


class TestAsyncWeb3OverWebSocket(ClientVersion, AsyncWeb3ModuleTest):
    over_websocket = True


@pytest.mark.usefixtures("blocks_go_on")
class TestSubscriptions(PersistentConnectionProviderTest):
    over_websocket = True


class TestTxpool(GoEthereumTxPoolModuleTest):
    pass


class TestAsyncTxpool(GoEthereumAsyncTxPoolModuleTest):
    pass


class TestDebug(GoEthereumDebugModuleTest):
    pass


class TestAsyncDebug(GoEthereumAsyncDebugModuleTest):
    pass
