"""The genesis document, and what a user may add to it."""

import json

import pytest
from eth_utils import keccak

from devnet._engine import address_of
from devnet.genesis import DEFAULT_BALANCE_WEI, GenesisError, derive, genesis, load_genesis, predeploys
from megaeth_cli.inspect.known import SYSTEM

MESSAGE_PASSER = "0x4200000000000000000000000000000000000016"
REGISTRY = "0x6342000000000000000000000000000000000006"
USER = "0x" + "ab" * 20

# Hashes of the runtime code as deployed on Ethereum.
CANONICAL = {
    "0x4e59b44847b379578588920ca78fbf26c0b4956c": (
        "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
    ),
    "0x0000f90827f1c53a10cb7a02335b175320002935": (
        "6e49e66782037c0555897870e29fa5e552daf4719552131a0abce779daec0a5d"
    ),
    "0x000f3df6d732807ef1319fb7b8bb8522d0beac02": (
        "f57acd40259872606d76197ef052f3d35588dadf919ee1f0e3cb9b62d3f4b02c"
    ),
}
OWN = {
    "0x4200000000000000000000000000000000000006",
    "0x420000000000000000000000000000000000000f",
    "0x4200000000000000000000000000000000000011",
    "0x4200000000000000000000000000000000000015",
    MESSAGE_PASSER,
    "0x4200000000000000000000000000000000000019",
    "0x420000000000000000000000000000000000001a",
    "0x420000000000000000000000000000000000001b",
    "0xca11bde05977b3631167028862be2a173976ca11",
}


def test_every_predeploy_is_there():
    assert predeploys().keys() == CANONICAL.keys() | OWN


@pytest.mark.parametrize(("address", "code_hash"), CANONICAL.items())
def test_canonical_contracts_have_their_known_code(address, code_hash):
    assert keccak(hexstr=predeploys()[address]["code"]).hex() == code_hash


def test_document_is_the_same_for_the_same_inputs():
    accounts = derive()
    first = genesis(1, accounts, DEFAULT_BALANCE_WEI, {}, spec="rex6")
    assert json.dumps(first) == json.dumps(
        genesis(1, reversed(accounts), DEFAULT_BALANCE_WEI, {}, spec="rex6")
    )
    assert first["timestamp"] == 1
    assert first["alloc"][accounts[0].address.lower()] == {"balance": hex(10_000 * 10**18)}


def test_users_entries_win_field_by_field():
    alloc = genesis(1, [], 0, {MESSAGE_PASSER: {"balance": "0x7"}}, spec="rex6")["alloc"]
    assert alloc[MESSAGE_PASSER]["balance"] == "0x7"
    assert alloc[MESSAGE_PASSER]["code"] == predeploys()[MESSAGE_PASSER]["code"]
    assert "balance" not in predeploys()[MESSAGE_PASSER]


@pytest.mark.parametrize(("spec", "slots"), [("rex4", 0), ("rex5", 5), ("rex6", 6)])
def test_the_registry_is_there_from_rex5_on_and_names_a_system_address_of_ours(spec, slots):
    alloc = genesis(1, [], 0, {}, spec=spec)["alloc"]
    assert (REGISTRY in alloc) == (slots > 0)
    if slots:
        storage = alloc[REGISTRY]["storage"]
        system = address_of(keccak(text="megaeth devnet system"))
        assert int(storage["0x0"], 16) == int.from_bytes(system)
        assert SYSTEM[f"0x{system.hex()}"] == "MegaSystem"
        assert len(storage) == slots


def load(tmp_path, document):
    path = tmp_path / "genesis.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return load_genesis(path)


@pytest.mark.parametrize(("written", "read"), [("0x0", 0), ("0x5f5e100", 10**8), ("12", 12), (7, 7)])
def test_the_timestamp_of_a_geth_genesis_is_read(tmp_path, written, read):
    assert load(tmp_path, {"timestamp": written, "alloc": {}}).timestamp == read
    assert load(tmp_path, {"alloc": {}}).timestamp is None


def test_reads_geths_forms(tmp_path):
    entry = {
        "balance": "1000000000000000000",
        "nonce": "0x2",
        "code": "0x6001",
        "storage": {"0x0": "0x1", "ff" * 32: "2a"},
    }
    expected = {
        "balance": hex(10**18),
        "nonce": "0x2",
        "code": "0x6001",
        "storage": {"0x" + "0" * 64: "0x" + "1".rjust(64, "0"), "0x" + "ff" * 32: "0x" + "2a".rjust(64, "0")},
    }
    assert load(tmp_path, {"config": {}, "alloc": {USER[2:].upper(): entry}}).alloc == {USER: expected}
    assert load(tmp_path, {USER: {"balance": "0x0", "nonce": 7}}).alloc == {
        USER: {"balance": "0x0", "nonce": "0x7"}
    }


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ("{", "genesis.json:1:2: not JSON"),
        ("[" * 100_000, "not JSON: depth limit"),
        ([], "is a JSON object, this is a list"),
        ({"alloc": {}, "timestamp": "noon"}, "timestamp: 'noon' is not a number"),
        ({"alloc": {}, "timestamp": 2**64}, "timestamp: must be from 0"),
        ({"alloc": []}, "alloc must be an object"),
        ({"0x12": {}}, "not an address of 20 bytes"),
        ({"alloc": {USER: 5}}, "an account is an object, not a number"),
        ({USER: {"balanse": "1"}}, "unknown field 'balanse'"),
        ({USER: {"balance": "1 ETH"}}, "balance: '1 ETH' is not a number"),
        ({USER: {"balance": hex(2**256)}}, "balance: must be from 0 to 2\\^256 - 1"),
        ({USER: {"balance": -1}}, "balance: must be from 0"),
        ({USER: {"balance": 1.5}}, "balance: must be a number"),
        ({USER: {"nonce": True}}, "nonce: must be a number, not a boolean"),
        ({USER: {"nonce": 2**64}}, "nonce: must be from 0 to 2\\^64 - 1"),
        ({USER: {"code": "0x123"}}, "code: must be bytes in hex"),
        ({USER: {"code": "00" * (512 * 1024 + 1)}}, "limit is 524288"),
        ({USER: {"storage": []}}, "storage: must be an object of slots"),
        ({USER: {"storage": {"0xzz": "0x1"}}}, "must be up to 32 bytes in hex"),
        ({USER: {"storage": {"0x1": "0x1", "0x01": "0x2"}}}, "slot 0x0+1 is listed twice"),
        ({USER: {}, USER.upper().replace("X", "x"): {}}, "is listed twice"),
        ('{"%s": {}, "%s": {}}' % (USER, USER), "is listed twice"),  # noqa: UP031
    ],
)
def test_bad_files_are_refused_with_the_place(tmp_path, document, why):
    with pytest.raises(GenesisError, match=why):
        load(tmp_path, document)


def test_missing_and_binary_files_are_refused(tmp_path):
    with pytest.raises(GenesisError, match="No such file"):
        load_genesis(tmp_path / "absent.json")
    (tmp_path / "binary").write_bytes(b"\xff\xfe{}")
    with pytest.raises(GenesisError, match="not JSON"):
        load_genesis(tmp_path / "binary")
