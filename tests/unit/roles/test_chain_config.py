"""Which settings make another chain, and what the engine is told."""

import json
from dataclasses import replace

import pytest

from devnet.config import AccountSettings, BlockSettings, ChainSettings, Config, PoolSettings
from devnet.errors import ConfigError
from devnet.genesis import GenesisFile, derive
from devnet.roles.chain_config import (
    NAMES,
    check_genesis,
    engine_config,
    genesis_document,
    has_interventions,
    identity_settings,
)
from devnet.storage import Identity

ACCOUNTS = derive()
HARMLESS = [
    Config(blocks=BlockSettings(mini_block_time_ms=1)),
    Config(blocks=BlockSettings(block_time_s=0.5)),
    Config(pool=PoolSettings(account_slots=1)),
]
DECISIVE = [
    Config(chain=ChainSettings(chain_id=1)),
    Config(chain=ChainSettings(spec="rex5")),
    Config(chain=ChainSettings(base_fee=0)),
    Config(chain=ChainSettings(bucket_capacity=((70000, 512),))),
    Config(chain=ChainSettings(genesis_timestamp=1)),
    Config(chain=ChainSettings(interventions=False)),
    Config(accounts=AccountSettings(balance_eth=1.5)),
]


@pytest.mark.parametrize("config", HARMLESS)
def test_working_settings_may_change_between_starts(config):
    assert identity_settings(config, ACCOUNTS, GenesisFile()) == identity_settings(
        Config(), ACCOUNTS, GenesisFile()
    )


@pytest.mark.parametrize("config", DECISIVE)
def test_settings_of_the_chain_may_not(config):
    assert identity_settings(config, ACCOUNTS, GenesisFile()) != identity_settings(
        Config(), ACCOUNTS, GenesisFile()
    )


def test_accounts_and_genesis_file_belong_to_the_chain():
    base = identity_settings(Config(), ACCOUNTS, GenesisFile())
    assert identity_settings(Config(), ACCOUNTS[:9], GenesisFile()) != base
    assert identity_settings(Config(), ACCOUNTS, GenesisFile({"0x" + "00" * 20: {"balance": "0x1"}})) != base
    assert identity_settings(Config(), [], GenesisFile())["accounts"] == "none"


def test_identity_survives_json_and_every_part_has_a_name():
    settings = identity_settings(DECISIVE[3], ACCOUNTS, GenesisFile())
    assert json.loads(json.dumps(settings)) == settings
    assert settings.keys() == NAMES.keys()


def test_the_engine_gets_the_stored_genesis_and_todays_settings():
    config = replace(
        Config(),
        blocks=BlockSettings(mini_block_time_ms=2, block_time_s=0.25, history_blocks=7, order="fifo"),
    )
    document = genesis_document(config, ACCOUNTS[:1], GenesisFile(), 1_700_000_000)
    told = json.loads(engine_config(config, document))
    assert told["genesis"] == json.loads(document)
    assert told["genesis"]["timestamp"] == 1_700_000_000
    assert told["genesis"]["alloc"][ACCOUNTS[0].address.lower()] == {"balance": hex(10_000 * 10**18)}
    assert (told["mini_block_time_us"], told["block_time_ms"], told["history_blocks"]) == (2000, 250, 7)
    assert told["pool"]["order"] == "fifo"


def test_block_0_has_the_time_of_the_flag_else_of_the_file_else_of_the_first_start():
    flag, file = Config(chain=ChainSettings(genesis_timestamp=5)), GenesisFile(timestamp=6)

    def timestamp(config, file):
        return json.loads(genesis_document(config, [], file, 7))["timestamp"]

    assert timestamp(flag, file) == 5
    assert timestamp(Config(), file) == 6
    assert timestamp(Config(), GenesisFile(timestamp=0)) == 0
    assert timestamp(Config(), GenesisFile()) == 7


def test_a_genesis_of_the_future_is_refused():
    check_genesis(Config(), GenesisFile(timestamp=99), now=100)
    with pytest.raises(ConfigError, match="the genesis timestamp 100 is in the future"):
        check_genesis(Config(), GenesisFile(timestamp=100), now=100)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_chain_keeps_to_whether_it_was_made_with_interventions(wanted):
    config = Config(chain=ChainSettings(interventions=wanted))
    assert has_interventions(config, None) is wanted
    assert has_interventions(config, Identity(1, b"", {"interventions": True}))
    assert not has_interventions(config, Identity(1, b"", {"interventions": False}))
    # One that was made before it could be chosen.
    assert not has_interventions(config, Identity(1, b"", {}))
