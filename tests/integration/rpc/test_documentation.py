"""docs/json-rpc.md names every method that is served, and no other."""

import re
from pathlib import Path

import pytest

from devnet._engine import Engine
from devnet.config import Config
from devnet.genesis import GenesisFile
from devnet.roles import chain_config
from devnet.roles.node_methods import jit_methods
from devnet.rpc.server import RpcServer
from devnet.rpc.settings import ServerSettings
from tests.support import wallet

PAGE = Path(__file__).parents[3] / "docs" / "json-rpc.md"
FAMILIES = ("eth_getUncle",)


class NothingArchived:
    """An engine that never runs looks nothing up."""


@pytest.fixture(scope="module")
def served():
    config = Config()
    document = chain_config.genesis_document(config, wallet.ACCOUNTS, GenesisFile(), 1)
    engine = Engine(chain_config.engine_config(config, document), NothingArchived())
    server = RpcServer(engine, ServerSettings(), lambda: {})
    server.add(jit_methods(None))
    return {*engine.methods(), *server.handlers}


@pytest.fixture(scope="module")
def documented():
    return set(re.findall(r"`((?:eth|net|web3|rpc|personal|txpool|mega|realtime)_\w+)`", PAGE.read_text()))


def test_every_documented_method_is_served(served, documented):
    assert documented - served == set()


def test_every_served_method_is_documented(served, documented):
    undocumented = {name for name in served - documented if not name.startswith(FAMILIES)}
    assert undocumented == set()
