"""Every setting of `[rpc]` reaches what it names: the server, the engine's limits, or the check of the settings."""

from dataclasses import asdict, fields, replace

import orjson
import pytest

from devnet._engine import Engine
from devnet.config import Config, RpcSettings
from devnet.errors import ConfigError
from devnet.genesis import GenesisFile
from devnet.roles import chain_config
from devnet.roles.chain import server_settings
from devnet.settings import load_config
from tests.support import wallet

DOCUMENT = chain_config.genesis_document(Config(), wallet.ACCOUNTS, GenesisFile(), 1)
ORIGINS = ("https://a.example",)
NAMES = ("a.example",)
MIB = 1 << 20

REACHES = {
    "host": ("127.0.0.2", {"server.host": "127.0.0.2"}),
    "port": (0, {"server.port": 0}),
    "allow_origins": (ORIGINS, {"server.allow_origins": ORIGINS}),
    "allow_hosts": (NAMES, {"server.allow_hosts": NAMES}),
    "gateway": ("public", {"server.gateway": "public"}),
    "gateway_port": (0, {"server.gateway_port": 0}),
    "max_body_bytes": (2048, {"server.max_body_bytes": 2048, "server.max_message_bytes": 2048}),
    "max_batch": (7, {"server.max_batch": 7, "engine.rpc.max_batch": 7}),
    "max_answer_bytes": (2048, {"server.max_answer_bytes": 2048, "engine.rpc.max_answer_bytes": 2048}),
    "max_call_bytes": (2 * MIB, {"engine.rpc.max_call_bytes": 2 * MIB}),
    "max_work_bytes": (2 * MIB, {"engine.rpc.max_work_bytes": 2 * MIB}),
    "call_timeout_s": (900.0, {"server.answer_timeout_s": 1800.0, "engine.rpc.call_timeout_ms": 900_000}),
    "open_block": ("served", {"engine.open_block": "served"}),
    "max_connections": (3, {"server.max_connections": 3}),
    "max_filters": (3, {"server.max_filters": 3}),
    "expose_test_keys": (True, {}),  # for the check alone: the last test
}
"""For each setting another value than the default, and all that becomes of it."""


def reached(config):
    """All that a node is built from."""
    server = asdict(server_settings(config, []))
    engine = orjson.loads(chain_config.engine_config(config, DOCUMENT))
    rpc = engine.pop("rpc")
    return (
        {f"server.{name}": value for name, value in server.items()}
        | {f"engine.{name}": value for name, value in engine.items()}
        | {f"engine.rpc.{name}": value for name, value in rpc.items()}
    )


def changed(**settings):
    return replace(Config(), rpc=replace(RpcSettings(), **settings))


def test_every_setting_has_its_line():
    assert REACHES.keys() == {field.name for field in fields(RpcSettings)}


@pytest.mark.parametrize("name", REACHES)
def test_a_setting_reaches_what_it_names_and_nothing_else(name):
    value, expected = REACHES[name]
    assert getattr(RpcSettings(), name) != value
    before, after = reached(Config()), reached(changed(**{name: value}))
    assert {what: after[what] for what in after if after[what] != before[what]} == expected


def test_the_engine_knows_all_that_it_is_given():
    class NothingArchived:
        """An engine that never runs looks nothing up."""

    config = changed(**{name: value for name, (value, _) in REACHES.items()})
    engine = Engine(chain_config.engine_config(config, DOCUMENT), NothingArchived())
    one = b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}'
    batch = b"[%b]" % b",".join([one] * 8)
    assert b"at most 7 (--max-batch)" in engine.submit(batch, 1)


def test_test_keys_are_exposed_only_where_the_setting_says_so():
    with pytest.raises(ConfigError):
        load_config({"rpc.host": "0.0.0.0"})
    load_config({"rpc.host": "0.0.0.0", "rpc.expose_test_keys": True})
