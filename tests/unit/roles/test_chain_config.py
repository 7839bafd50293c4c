"""Which settings make another chain, and what the engine is told."""

import json
from dataclasses import replace

import pytest

from devnet.config import AccountSettings, BlockSettings, ChainSettings, Config, PoolSettings
from devnet.genesis import derive
from devnet.roles.chain_config import NAMES, engine_config, genesis_document, identity_settings

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
    Config(accounts=AccountSettings(balance_eth=1.5)),
]


@pytest.mark.parametrize("config", HARMLESS)
def test_working_settings_may_change_between_starts(config):
    assert identity_settings(config, ACCOUNTS, {}) == identity_settings(Config(), ACCOUNTS, {})


@pytest.mark.parametrize("config", DECISIVE)
def test_settings_of_the_chain_may_not(config):
    assert identity_settings(config, ACCOUNTS, {}) != identity_settings(Config(), ACCOUNTS, {})


def test_accounts_and_genesis_file_belong_to_the_chain():
    base = identity_settings(Config(), ACCOUNTS, {})
    assert identity_settings(Config(), ACCOUNTS[:9], {}) != base
    assert identity_settings(Config(), ACCOUNTS, {"0x" + "00" * 20: {"balance": "0x1"}}) != base
    assert identity_settings(Config(), [], {})["accounts"] == "none"


def test_identity_survives_json_and_every_part_has_a_name():
    settings = identity_settings(DECISIVE[3], ACCOUNTS, {})
    assert json.loads(json.dumps(settings)) == settings
    assert settings.keys() == NAMES.keys()


def test_the_engine_gets_the_stored_genesis_and_todays_settings():
    config = replace(
        Config(),
        blocks=BlockSettings(mini_block_time_ms=2, block_time_s=0.25, history_blocks=7, order="fifo"),
    )
    document = genesis_document(config, ACCOUNTS[:1], {}, 1_700_000_000)
    told = json.loads(engine_config(config, document))
    assert told["genesis"] == json.loads(document)
    assert told["genesis"]["timestamp"] == 1_700_000_000
    assert told["genesis"]["alloc"][ACCOUNTS[0].address.lower()] == {"balance": hex(10_000 * 10**18)}
    assert (told["mini_block_time_us"], told["block_time_ms"], told["history_blocks"]) == (2000, 250, 7)
    assert told["pool"]["order"] == "fifo"
