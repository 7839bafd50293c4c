"""What is at an address: known by deployment, record or code, and through proxies."""

import eth_abi
import pytest
from eth_hash.auto import keccak

from megaeth_cli.bytecode.runtime_code import CodePattern
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.contracts.artifacts import Artifact, ArtifactStore, Template
from megaeth_cli.contracts.known_contracts import KnownContracts
from megaeth_cli.inspect import proxies
from tests.support.scripted_node import Refusal, scripted_node

PROXY, VAULT, OTHER, BEACON, EOA = (bytes([digit]) * 20 for digit in (0xA0, 0xB0, 0xC0, 0xD0, 0xE0))
VAULT_CODE = bytes.fromhex("608060405200")
DELEGATING = bytes.fromhex("5f5f5f5f5f5af4")
"""What delegates to who knows what."""
CLONE = bytes.fromhex(f"363d3d373d3d3d363d73{VAULT.hex()}5af43d82803e903d91602b57fd5bf3")
LAYOUT = {
    "storage": [{"label": "used", "slot": "0", "offset": 0, "type": "t_uint256"}],
    "types": {"t_uint256": {"encoding": "inplace", "label": "uint256", "numberOfBytes": "32"}},
}
ADD = {"type": "function", "name": "add", "inputs": [{"type": "uint256", "name": "n"}], "outputs": []}


def artifact(name, address=b"", known_by="deployment", abi=(), layout=None):
    shown = f"0x{address.hex()}" if address else ""
    return Artifact(
        name, f"{name}.sol", shown, "", "", "solc", "hash", list(abi), "0x", "0x", layout or {}, known_by
    )


class Chain:
    """Code and slots of a chain, and the artifacts of this machine."""

    def __init__(self, directory):
        self.store = ArtifactStore(directory)
        self.codes, self.slots, self.answers = {}, {}, {}

    def look(self, address, block=None):
        def storage(where, slot, tag):
            return f"0x{self.slots.get((where, int(slot, 16)), 0):064x}"

        def call(transaction, tag):
            return self.answers.get(
                (transaction["to"], transaction["data"]), Refusal(3, "execution reverted")
            )

        with (
            scripted_node(
                eth_getCode=lambda where, tag: f"0x{self.codes.get(where, b'').hex()}",
                eth_getStorageAt=storage,
                eth_call=call,
            ) as node,
            RpcClient(node.url) as client,
        ):
            contracts = KnownContracts(client, self.store)
            if block is not None:
                contracts.look_at(block)
            found = contracts.at(address)
            self.asked = node.asked
            return found

    def code(self, address, code):
        self.codes[f"0x{address.hex()}"] = code

    def slot(self, address, slot, target):
        self.slots[f"0x{address.hex()}", slot] = int.from_bytes(target, "big")

    def answer(self, address, signature, data):
        self.answers[f"0x{address.hex()}", f"0x{keccak(signature.encode())[:4].hex()}"] = f"0x{data.hex()}"

    def built(self, name, code, **more):
        self.store.save_template(Template(artifact(name, **more), CodePattern.of(code.hex()), imported=True))


@pytest.fixture
def chain(tmp_path):
    """A chain on which Vault was deployed from here."""
    chain = Chain(tmp_path)
    chain.store.save(artifact("Vault", VAULT, abi=[ADD], layout=LAYOUT))
    chain.code(VAULT, VAULT_CODE)
    return chain


def test_an_eip_1967_proxy_is_read_by_its_implementation(chain):
    chain.code(PROXY, DELEGATING)
    chain.slot(PROXY, proxies.IMPLEMENTATION_SLOT, VAULT)
    found = chain.look(PROXY)
    assert found.name == "Vault behind EIP-1967 proxy"
    assert found.interface.named("function", "add")
    assert found.layout is not None
    assert found.to_json()["proxy"]["implementations"][0]["name"] == "Vault"


def test_a_proxy_that_has_a_name_keeps_it(chain):
    chain.store.save(artifact("Door", PROXY))
    chain.code(PROXY, DELEGATING)
    chain.slot(PROXY, proxies.IMPLEMENTATION_SLOT, VAULT)
    assert chain.look(PROXY).name == "Vault behind Door"


def test_a_beacon_proxy_asks_its_beacon(chain):
    chain.code(PROXY, DELEGATING)
    chain.slot(PROXY, proxies.BEACON_SLOT, BEACON)
    chain.answer(BEACON, "implementation()", eth_abi.encode(["address"], [VAULT]))
    assert chain.look(PROXY).name == "Vault behind beacon proxy"


def test_a_proxy_that_answers_for_its_implementation_is_asked(chain):
    chain.code(PROXY, bytes.fromhex("635c60da1b") + DELEGATING)
    chain.answer(PROXY, "implementation()", eth_abi.encode(["address"], [VAULT]))
    assert chain.look(PROXY).name == "Vault behind EIP-897 proxy"


def test_a_diamonds_facets_are_all_read_by(chain):
    chain.store.save(artifact("Loupe", OTHER, abi=[ADD | {"name": "facets", "inputs": []}]))
    chain.code(PROXY, DELEGATING)
    chain.answer(PROXY, "facetAddresses()", eth_abi.encode(["address[]"], [[VAULT, OTHER]]))
    found = chain.look(PROXY)
    assert found.name == "Vault and 1 more behind diamond"
    assert found.interface.names("function") == ["add(uint256)", "facets()"]


def test_an_eip_7702_account_is_read_by_its_delegate(chain):
    chain.code(EOA, b"\xef\x01\x00" + VAULT)
    assert chain.look(EOA).name == "Vault behind EIP-7702 account"


def test_a_clone_of_a_proxy_runs_the_proxys_code_on_its_own_slots(chain):
    chain.code(PROXY, bytes.fromhex(f"363d3d373d3d3d363d73{OTHER.hex()}5af43d82803e903d91602b57fd5bf3"))
    chain.code(OTHER, DELEGATING)
    chain.slot(PROXY, proxies.IMPLEMENTATION_SLOT, VAULT)
    assert chain.look(PROXY).name == "Vault behind EIP-1167 clone"


def test_proxies_that_lead_in_a_circle_end(chain):
    chain.code(PROXY, b"\xef\x01\x00" + OTHER)
    chain.code(OTHER, b"\xef\x01\x00" + PROXY)
    assert chain.look(PROXY).name is None


def test_an_implementation_that_nobody_knows_is_said(chain):
    chain.code(PROXY, bytes.fromhex(f"363d3d373d3d3d363d73{OTHER.hex()}5af43d82803e903d91602b57fd5bf3"))
    found = chain.look(PROXY)
    assert found.name is None and found.interface is None
    assert found.remark.startswith("EIP-1167 clone of 0x")


def test_a_contract_that_does_not_delegate_is_asked_nothing(chain):
    chain.look(VAULT)
    assert [method for method, _ in chain.asked] == ["eth_getCode"]


def test_a_contract_that_others_deployed_is_known_by_its_code_and_that_is_said(chain):
    chain.built("Wallet", VAULT_CODE[:-1])
    chain.code(OTHER, VAULT_CODE[:-1])
    found = chain.look(OTHER)
    assert (found.name, found.remark) == ("Wallet", "by its code")
    assert found.to_json()["knownBy"] == "code"


def test_contracts_with_the_same_code_are_all_named(chain):
    chain.built("Wallet", VAULT_CODE[:-1], layout=LAYOUT)
    chain.built("Purse", VAULT_CODE[:-1])
    chain.code(OTHER, VAULT_CODE[:-1])
    found = chain.look(OTHER)
    assert (found.name, found.remark) == ("Wallet", "by its code, which Purse has too")
    assert found.to_json()["sameCode"] == ["Purse"]


def test_of_many_contracts_with_the_same_code_a_few_are_named(chain):
    for name in "ABCDEF":
        chain.built(name, VAULT_CODE[:-1], layout=LAYOUT if name == "A" else None)
    chain.code(OTHER, VAULT_CODE[:-1])
    assert chain.look(OTHER).remark == "by its code, which B, C, D and 2 more have too"


def test_of_contracts_with_the_same_code_a_record_tells_which_it_is(chain):
    chain.built("Wallet", VAULT_CODE[:-1], layout=LAYOUT)
    chain.built("Purse", VAULT_CODE[:-1])
    chain.store.save(artifact("Purse", OTHER, "record"))
    chain.code(OTHER, VAULT_CODE[:-1])
    found = chain.look(OTHER)
    assert (found.name, found.remark, found.to_json()["knownBy"]) == ("Purse", "", "record")


def test_a_record_of_a_chain_that_is_gone_names_nothing(chain):
    chain.built("Purse", VAULT_CODE[:-1])
    chain.store.save(artifact("Purse", OTHER, "record"))
    chain.code(OTHER, VAULT_CODE)
    assert chain.look(OTHER).name is None


def test_an_old_block_is_asked_for_the_proxy_as_it_was(chain):
    chain.code(PROXY, DELEGATING)
    chain.slot(PROXY, proxies.IMPLEMENTATION_SLOT, VAULT)
    chain.look(PROXY, block=7)
    assert {parameters[-1] for _, parameters in chain.asked} == {"0x7"}


def test_wrapped_ether_is_known_without_anything(chain):
    assert chain.look(bytes.fromhex("42" + "00" * 18 + "06")).name == "WETH"


def test_a_deployments_record_without_a_layout_takes_it_from_what_was_imported(chain):
    chain.store.save(artifact("Till", OTHER, abi=[ADD]))
    chain.built("Vault", VAULT_CODE)
    chain.code(OTHER, bytes.fromhex("60016002"))
    assert chain.look(OTHER).layout is None
    chain.built("Till", bytes.fromhex("60016002"), layout=LAYOUT)
    found = chain.look(OTHER)
    assert found.layout is not None
    assert (found.name, found.remark, found.interface.names("function")) == ("Till", "", ["add(uint256)"])
