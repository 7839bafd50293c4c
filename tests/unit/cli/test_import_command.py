"""`megaeth import`, with a node that the test plays."""

import json

import pytest

from tests.support.scripted_node import scripted_node

LAYOUT = {"storage": [{"label": "total", "slot": "0", "offset": 0, "type": "t_uint256"}], "types": {}}
RUNTIME = "0x6080a164736f6c634300081e000a"
TILL = {
    "contractName": "Till",
    "abi": [{"type": "function", "name": "pay", "inputs": [], "outputs": []}],
    "bytecode": RUNTIME,
    "deployedBytecode": RUNTIME,
}


@pytest.fixture
def imported(megaeth, tmp_path):
    """Imports one file; its contract, and what was noted."""
    with scripted_node(eth_chainId="0x18c7") as node:

        def run(body):
            file = tmp_path / "Till.json"
            file.write_text(json.dumps(body))
            shown = json.loads(megaeth("import", file, "--json", "--rpc-url", node.url).out)
            return shown["contracts"][0], shown["notes"]

        yield run


def test_a_layout_that_was_imported_stays_known_when_the_same_build_comes_without(imported):
    lacking = ["1 without a storage layout: their sources are not there as they were built"]
    contract, notes = imported(TILL)
    assert (contract["layout"], notes) == (False, lacking)
    contract, notes = imported(TILL | {"storageLayout": LAYOUT})
    assert (contract["layout"], notes) == (True, [])
    contract, notes = imported(TILL)
    assert (contract["layout"], notes) == (True, [])
