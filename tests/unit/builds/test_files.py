"""Every tool's files are read: what is built, with which libraries, and what was deployed where."""

import json

import pytest

from megaeth_cli import builds
from megaeth_cli.builds import BuildError, Sources
from megaeth_cli.compile.compilers import Search
from megaeth_cli.contracts.linking import libraries, linked
from megaeth_cli.units import keccak

ABI = [{"type": "function", "name": "pay", "inputs": [], "outputs": []}]
TRAILER = "a164736f6c634300081e000a"
LIBRARY = bytes(range(20))
HASH = keccak(b"src/Sum.sol:Sum").hex()[:34]
CODE = f"6080__${HASH}$__5b{TRAILER}"
RUNTIME = f"73__${HASH}$__7f{'00' * 32}{TRAILER}"
LINKS = {"src/Sum.sol": {"Sum": [{"start": 2, "length": 20}]}}
RUNTIME_LINKS = {"src/Sum.sol": {"Sum": [{"start": 1, "length": 20}]}}
IMMUTABLES = {"9": [{"start": 22, "length": 32}]}
LAYOUT = {"storage": [{"label": "total", "slot": "0", "offset": 0, "type": "t_uint256"}], "types": {}}
METADATA = {
    "compiler": {"version": "0.8.30+commit.1"},
    "settings": {"compilationTarget": {"src/Till.sol": "Till"}},
}
ANSWER = {
    "abi": ABI,
    "evm": {
        "bytecode": {"object": CODE, "linkReferences": LINKS, "sourceMap": "3:4:0"},
        "deployedBytecode": {
            "object": RUNTIME,
            "linkReferences": RUNTIME_LINKS,
            "immutableReferences": IMMUTABLES,
            "sourceMap": "1:2:0",
        },
    },
    "metadata": json.dumps(METADATA),
    "storageLayout": LAYOUT,
}
FORGE = {
    "abi": ABI,
    "bytecode": {"object": f"0x{CODE}", "linkReferences": LINKS},
    "deployedBytecode": {
        "object": f"0x{RUNTIME}",
        "linkReferences": RUNTIME_LINKS,
        "immutableReferences": IMMUTABLES,
    },
    "metadata": METADATA,
    "id": 0,
}
HARDHAT_2 = {
    "_format": "hh-sol-artifact-1",
    "contractName": "Till",
    "sourceName": "src/Till.sol",
    "abi": ABI,
    "bytecode": f"0x{CODE}",
    "deployedBytecode": f"0x{RUNTIME}",
    "linkReferences": LINKS,
    "deployedLinkReferences": RUNTIME_LINKS,
}
HARDHAT_3 = HARDHAT_2 | {
    "_format": "hh3-artifact-1",
    "inputSourceName": "project/src/Till.sol",
    "immutableReferences": IMMUTABLES,
    "buildInfoId": "solc-1",
}
TRUFFLE = {
    "contractName": "Till",
    "abi": ABI,
    "metadata": json.dumps(METADATA),
    "bytecode": f"0x6080__Sum{'_' * 35}5b",
    "deployedBytecode": f"0x73__Sum{'_' * 35}7f{'00' * 32}",
    "compiler": {"name": "solc", "version": "0.8.30+commit.1"},
    "networks": {"6343": {"address": "0x" + "ab" * 20, "transactionHash": "0x12"}},
    "schemaVersion": "3.4.16",
}
WAFFLE = {"abi": ABI, "evm": ANSWER["evm"], "bytecode": CODE}
FILES = {
    "forge": FORGE,
    "hardhat 2": HARDHAT_2,
    "hardhat 3": HARDHAT_3,
    "truffle": TRUFFLE,
    "waffle": WAFFLE,
    "remix": {"abi": ABI, "data": ANSWER["evm"]},
    "ethers": {"abi": ABI, "bytecode": f"0x{CODE}", "deployedBytecode": f"0x{RUNTIME}"},
    "standard JSON": {
        "contracts": {"src/Till.sol": {"Till": ANSWER}},
        "sources": {"src/Till.sol": {"id": 0}},
    },
    "combined JSON": {
        "contracts": {
            "src/Till.sol:Till": {
                "abi": json.dumps(ABI),
                "bin": CODE,
                "bin-runtime": RUNTIME,
                "srcmap": "3:4:0",
                "srcmap-runtime": "1:2:0",
                "storage-layout": json.dumps(LAYOUT),
            }
        },
        "sourceList": ["src/Till.sol"],
        "version": "0.8.30+commit.1",
    },
    "build-info": {
        "_format": "hh-sol-build-info-1",
        "id": "b1",
        "solcVersion": "0.8.30",
        "input": {"sources": {"src/Till.sol": {"content": "contract Till {}"}}},
        "output": {"contracts": {"src/Till.sol": {"Till": ANSWER}}, "sources": {"src/Till.sol": {"id": 0}}},
    },
}


@pytest.fixture
def write(tmp_path):
    """Write JSON to a file of the project; its path."""

    def put(name, body):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body if isinstance(body, str) else json.dumps(body))
        return path

    return put


@pytest.mark.parametrize("form", FILES)
def test_a_contract_is_read_from_each_tools_file(write, form):
    one = builds.only(builds.find(write("Till.json", FILES[form])).built, write("Till.json", FILES[form]))
    assert (one.contract.name, one.contract.abi) == ("Till", ABI)
    # Whatever its immutable and wherever its library is.
    deployed = b"\x73" + LIBRARY + b"\x7f" + b"\x07" * 32
    assert one.contract.pattern.matches(deployed)


@pytest.mark.parametrize("form", FILES)
def test_the_library_goes_where_the_file_says(write, form):
    [one] = builds.find(write("Till.json", FILES[form])).built
    [needed] = libraries(one.contract, ["src/Other.sol:Other", "src/Sum.sol:Sum"])
    assert needed.name == "Sum"
    assert linked(one.contract, [needed], lambda _: LIBRARY)[:23] == b"\x60\x80" + LIBRARY + b"\x5b"


def test_the_compiler_is_told_by_the_file_or_by_the_code(write):
    for form, body in FILES.items():
        [one] = Sources(builds.find(write("Till.json", body))).built
        assert one.compiler == "0.8.30", form


@pytest.mark.parametrize("form", ["waffle", "remix", "standard JSON", "combined JSON", "build-info"])
def test_each_of_a_contracts_codes_has_its_source_map(write, form):
    [one] = builds.find(write("Till.json", FILES[form])).built
    assert (one.source_map, one.creation_map) == ("1:2:0", "3:4:0")


def test_forge_and_truffle_keep_source_maps_where_they_keep_code(write):
    forge = {
        name: FORGE[name] | {"sourceMap": kept}
        for name, kept in (("bytecode", "5"), ("deployedBytecode", "6"))
    }
    [one] = builds.find(write("Forge.json", FORGE | forge)).built
    assert (one.source_map, one.creation_map) == ("6", "5")
    [one] = builds.find(write("Truffle.json", TRUFFLE | {"sourceMap": "7", "deployedSourceMap": "8"})).built
    assert (one.source_map, one.creation_map) == ("8", "7")


def test_hardhats_build_info_adds_layout_and_source_map(write, tmp_path):
    write("artifacts/contracts/Till.sol/Till.json", HARDHAT_2)
    write("artifacts/contracts/Till.sol/Till.dbg.json", {"buildInfo": "../../build-info/b1.json"})
    write("artifacts/build-info/b1.json", FILES["build-info"])
    [one] = Sources(builds.find(tmp_path / "artifacts")).built
    assert one.contract.layout == LAYOUT and one.contract.immutables == IMMUTABLES
    [(_, _, maps)] = Sources(builds.find(tmp_path / "artifacts")).maps()
    assert maps.units == {"src/Till.sol": "contract Till {}"} and maps.indexes == {"0": "src/Till.sol"}
    assert maps.maps == {"src/Till.sol:Till": "1:2:0"} and maps.creation_maps == {
        "src/Till.sol:Till": "3:4:0"
    }


def test_hardhat_3_keeps_the_answer_in_a_file_of_its_own(write, tmp_path):
    info = FILES["build-info"] | {"_format": "hh3-sol-build-info-1", "id": "solc-1"}
    answer = info.pop("output")
    answer = answer | {"contracts": {"project/src/Till.sol": {"Till": ANSWER}}}
    write("artifacts/contracts/Till.sol/Till.json", HARDHAT_3)
    write("artifacts/build-info/solc-1.json", info)
    write(
        "artifacts/build-info/solc-1.output.json",
        {"_format": "hh3-sol-build-info-output-1", "output": answer},
    )
    [one] = Sources(builds.find(tmp_path / "artifacts")).built
    assert (one.contract.unit, one.contract.layout) == ("project/src/Till.sol", LAYOUT)


def test_a_source_that_was_edited_after_the_build_is_not_asked_about(write, tmp_path):
    sources = {"src/Till.sol": {"keccak256": "0x" + keccak(b"contract Till {}").hex()}}
    write("out/Till.sol/Till.json", FORGE | {"metadata": METADATA | {"sources": sources}})
    write("foundry.toml", "")
    write("src/Till.sol", "contract Till { uint256 more; }")
    # No compiler is there: it would be an error to look for one.
    found = Sources(builds.find(tmp_path))
    built, notes = found.with_layouts(Search(tmp_path / "cache", {"PATH": "/nowhere"}))
    assert [one.contract.layout for one in built] == [{}]
    assert notes == ["1 without a storage layout: their sources are not there as they were built"]
    write("src/Till.sol", "contract Till {}")
    _, notes = found.with_layouts(Search(tmp_path / "cache", {"PATH": "/nowhere"}))
    assert notes == ["layouts of what solc 0.8.30 compiled are not known: no Solidity compiler fits"]


@pytest.mark.parametrize("given", ["build", "build/Till.json"])
def test_a_packages_sources_are_beside_its_build_and_not_in_the_project_that_has_it(write, tmp_path, given):
    text = "contract Till {}"
    sources = {"contracts/Till.sol": {"keccak256": "0x" + keccak(text.encode()).hex()}}
    package = "node_modules/@uniswap/v2-core"
    write("package.json", "{}")
    write(f"{package}/package.json", "{}")
    write(f"{package}/contracts/Till.sol", text)
    write(f"{package}/build/Till.json", WAFFLE | {"metadata": METADATA | {"sources": sources}})
    found = Sources(builds.find(tmp_path / package / given))
    _, notes = found.with_layouts(Search(tmp_path / "cache", {"PATH": "/nowhere"}))
    # The sources were found: what is missing here is a compiler.
    assert notes == ["layouts of what solc 0.8.30 compiled are not known: no Solidity compiler fits"]


def test_truffles_artifacts_say_where_their_contracts_are(write):
    [deployed] = builds.find(write("build/contracts/Till.json", TRUFFLE)).deployed
    assert (deployed.name, deployed.chain_id, deployed.address) == ("Till", 6343, b"\xab" * 20)


def test_hardhat_deploys_records_have_their_chain_beside_them(write, tmp_path):
    write("deployments/localhost/.chainId", "6343")
    write("deployments/localhost/Till.json", FORGE | HARDHAT_2 | {"address": "0x" + "ab" * 20, "_format": ""})
    [deployed] = builds.find(tmp_path / "deployments").deployed
    assert (deployed.name, deployed.chain_id, deployed.address) == ("Till", 6343, b"\xab" * 20)


def test_ignitions_records_have_the_contracts_name_and_not_the_futures(write, tmp_path):
    directory = "ignition/deployments/mine"
    write(f"{directory}/deployed_addresses.json", {"All#Main": "0x" + "cd" * 20})
    write(f"{directory}/journal.jsonl", '\n{"chainId":6343,"type":"DEPLOYMENT_INITIALIZE"}\n')
    write(f"{directory}/artifacts/All#Main.json", HARDHAT_2)
    found = builds.find(tmp_path / "ignition" / "deployments")
    assert [(one.name, one.unit, one.chain_id) for one in found.deployed] == [("Till", "src/Till.sol", 6343)]
    assert [one.contract.name for one in found.built] == ["Till"]


def test_a_forge_scripts_record_has_what_its_contracts_made_and_dry_runs_do_not_count(write, tmp_path):
    run = {
        "chain": 6343,
        "transactions": [
            {
                "hash": "0x1",
                "transactionType": "CREATE",
                "contractName": "Till",
                "contractAddress": "0x" + "ab" * 20,
                "additionalContracts": [{"transactionType": "CREATE", "address": "0x" + "cd" * 20}],
            },
            {
                "hash": "0x2",
                "transactionType": "CALL",
                "contractName": "Till",
                "contractAddress": "0x" + "ab" * 20,
            },
        ],
    }
    write("broadcast/Deploy.s.sol/6343/run-latest.json", run)
    write("broadcast/Deploy.s.sol/6343/dry-run/run-latest.json", run)
    found = builds.find(tmp_path / "broadcast")
    assert [(one.name, one.address) for one in found.deployed] == [("Till", b"\xab" * 20), ("", b"\xcd" * 20)]


def test_of_several_tools_in_one_project_all_are_found(write, tmp_path):
    write("package.json", "{}")
    write("out/Till.sol/Till.json", FORGE)
    write("artifacts/contracts/Purse.sol/Purse.json", HARDHAT_2 | {"contractName": "Purse"})
    write("node_modules/x/build/Other.json", HARDHAT_2 | {"contractName": "Other"})
    assert {one.contract.name for one in builds.find(tmp_path).built} == {"Till", "Purse"}


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[1]",
        '{"abi": 5}',
        "null",
        json.dumps(HARDHAT_2 | {"contractName": "../../Till"}),
        json.dumps(HARDHAT_2 | {"deployedBytecode": "0xzz"}),
        json.dumps({"contracts": {"a": 5}}),
        json.dumps({"contracts": {"a": {"b": 5}}}),
        json.dumps(FORGE | {"metadata": "{"}),
        json.dumps(FORGE | {"deployedBytecode": {"object": "00", "linkReferences": {"a": 5}}}),
        json.dumps({"_format": "hh-sol-build-info-1", "output": {"contracts": 5}}),
        json.dumps(TRUFFLE | {"networks": {"1": {"address": "0x12"}}}),
    ],
)
def test_what_is_damaged_or_no_artifact_is_an_error_that_names_the_file(write, body):
    path = write("Till.json", body)
    with pytest.raises(BuildError) as caught:
        builds.find(path)
    assert str(path) in caught.value.what


def test_a_damaged_file_among_good_ones_is_left_out_and_said(write, tmp_path):
    write("out/Till.sol/Till.json", FORGE)
    broken = write("out/Till.sol/Broken.json", "{")
    found = builds.find(tmp_path / "out")
    assert len(found.built) == 1 and str(broken) in found.unread[0]


def test_an_empty_directory_is_an_error_that_says_what_is_looked_for(tmp_path):
    with pytest.raises(BuildError, match="nothing to import"):
        builds.find(tmp_path)
