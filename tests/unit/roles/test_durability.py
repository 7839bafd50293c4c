"""What `--durability` and its other name, `--fsync`, have the store ask of the disk."""

from dataclasses import replace

import pytest

from devnet.config import Config, StorageSettings
from devnet.role_config import RoleConfig
from devnet.roles.chain import open_store
from devnet.session import Role
from devnet.settings import load_config
from devnet.storage.mark import read_mark
from tests.unit.storage.chain import IDENTITY, sealed_block, sealed_mini


@pytest.mark.parametrize(
    ("settings", "synced"),
    [
        ({}, False),
        ({"durability": "normal"}, False),
        ({"durability": "fsync"}, True),
        ({"fsync": True}, True),
    ],
)
def test_the_disk_has_confirmed_a_batch_only_if_that_was_asked_for(tmp_path, settings, synced):
    config = replace(Config(), storage=StorageSettings(**settings))
    role = RoleConfig(
        node="sequencer", role=Role.SEQUENCER, run_dir=str(tmp_path), data_dir=str(tmp_path / "data"),
        native_dir=str(tmp_path / "native"), token="", config=config, network=None,
    )  # fmt: skip
    with open_store(role) as store:
        store.create(IDENTITY, b"{}")
        store.append([sealed_mini(0, {}), sealed_block(1, [])])
        assert read_mark(tmp_path / "data").synced is synced


@pytest.mark.parametrize("flag", [{"storage.durability": "FSYNC"}, {"storage.fsync": True}])
def test_both_flags_mean_the_same(tmp_path, flag):
    assert load_config(flag, {}, None, tmp_path).storage.syncs
