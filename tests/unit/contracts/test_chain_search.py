"""Contracts that others deployed get their names from the blocks since the last search."""

import pytest

from megaeth_cli.bytecode.runtime_code import CodePattern
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.contracts.artifacts import Artifact, ArtifactStore, Template
from megaeth_cli.contracts.chain_search import MAX_TRANSACTIONS, ChainSearch
from megaeth_cli.inspect.diff import EMPTY_CODE
from tests.support.scripted_node import Refusal, scripted_node

CODE = bytes.fromhex("608060405200")
ALICE, FIRST, SECOND, THIRD = (f"0x{digit * 40}" for digit in "1abc")


def artifact(name, address="", known_by="deployment"):
    return Artifact(name, f"{name}.sol", address, "", "", "solc", "hash", [], "0x", known_by=known_by)


def created(*addresses):
    before = {"nonce": "0x1", "balance": "0x0", "codeHash": EMPTY_CODE}
    after = before | {"codeHash": "0x" + "77" * 32}
    return {
        "blockNumber": "0x1",
        "blockHash": "0x" + "99" * 32,
        "transactions": [],
        "accounts": [
            {"address": ALICE, "before": before, "after": before, "storage": []},
            *({"address": one, "before": None, "after": after, "storage": []} for one in addresses),
        ],
    }


class Chain:
    """Blocks with contracts that appear in them; the last is still open."""

    def __init__(self, directory):
        self.store = ArtifactStore(directory)
        self.blocks, self.counts, self.open = {}, {}, None
        self.said = []

    def search(self, **more):
        head = max(self.blocks)

        def diff(wanted):
            return self.open if isinstance(wanted, dict) else self.blocks[int(wanted, 16)]

        newest = head + (self.open is not None)
        mini = {"block_number": hex(newest), "mini_block_number": "0x9", "index": "0x0"}
        answers = {
            "eth_blockNumber": hex(head),
            "eth_getBlockTransactionCountByNumber": lambda number: hex(self.counts.get(int(number, 16), 1)),
            "eth_getCode": lambda address, tag: f"0x{CODE.hex()}",
            "mega_getStateDiff": diff,
            "mega_getMiniBlock": mini,
        }
        with scripted_node(**(answers | more)) as node, RpcClient(node.url) as client:
            ChainSearch(client, self.store, self.said.append).run()
            self.read = [
                int(p[0], 16) for m, p in node.asked if m == "mega_getStateDiff" and isinstance(p[0], str)
            ]

    def named(self):
        found = self.store.named("Token")
        return found.address.lower() if found is not None else None


@pytest.fixture
def chain(tmp_path):
    chain = Chain(tmp_path)
    chain.store.save_template(Template(artifact("Token"), CodePattern.of(CODE.hex()), imported=True))
    chain.blocks = {0: None, 1: created(FIRST), 2: created()}
    return chain


def test_a_name_means_the_newest_deployment_whoever_made_it(chain):
    chain.search()
    assert chain.named() == FIRST and chain.store.at(FIRST).known_by == "code"
    chain.blocks[3] = created(SECOND)
    chain.search()
    assert chain.named() == SECOND
    assert chain.read == [3], "blocks are searched once"


def test_what_was_deployed_from_here_later_keeps_the_name(chain):
    chain.store.save(artifact("Token", SECOND))
    chain.blocks[2] = created(SECOND)
    chain.search()
    assert chain.named() == SECOND and chain.store.at(SECOND).known_by == "deployment"


def test_the_block_that_is_still_open_is_searched_too(chain):
    chain.open = created(THIRD)
    chain.search()
    assert chain.named() == THIRD


def test_a_new_import_searches_all_over_again(chain):
    chain.search()
    chain.store.save_template(Template(artifact("Purse"), CodePattern.of("6080"), imported=True))
    chain.search()
    assert chain.read == [1, 2]


def test_a_chain_that_was_reset_is_searched_from_its_beginning(chain):
    chain.search()
    chain.blocks = {0: None, 1: created(SECOND)}
    chain.search()
    assert chain.named() == SECOND


def test_blocks_without_transactions_and_loads_are_not_read(chain):
    chain.counts = {1: 0, 2: MAX_TRANSACTIONS + 1}
    chain.search()
    assert chain.read == []


def test_a_node_without_state_diffs_is_left_alone(chain):
    chain.search(mega_getStateDiff=Refusal(-32601, "no such method"))
    assert chain.named() is None and chain.store.searched == -1
