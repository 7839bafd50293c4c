"""Deployed contracts are remembered by name and by address."""

from dataclasses import replace

import pytest

from megaeth_cli.bytecode.runtime_code import CodePattern
from megaeth_cli.bytecode.source_map import Line, SourceMaps
from megaeth_cli.contracts.artifacts import Artifact, ArtifactStore, Template
from megaeth_cli.errors import CliError


def artifact(name="Token", address="0xAbCdefabcdefabcdefabcdefabcdefabcdefabcd"):
    return Artifact(name, f"{name}.sol", address, "0x1", "0x2", "solc 0.8.37", "hash", [], "0x6000")


def test_a_contract_is_found_by_name_and_by_address_in_any_case(tmp_path):
    store = ArtifactStore(tmp_path)
    store.save(artifact())
    assert store.named("Token") == artifact()
    assert store.at(artifact().address.lower()) == artifact()
    assert store.at(artifact().raw_address) == artifact()
    assert store.names() == ["Token"]


def test_a_name_means_the_newest_deployment_and_older_ones_keep_their_address(tmp_path):
    store = ArtifactStore(tmp_path)
    store.save(artifact(address="0x" + "11" * 20))
    store.save(artifact(address="0x" + "22" * 20))
    assert store.named("Token").address == "0x" + "22" * 20
    assert store.at("0x" + "11" * 20) is not None
    assert len(list(store.all())) == 2


@pytest.mark.parametrize("name", ["Nothing", "../../etc/passwd", ""])
def test_an_unknown_name_is_nothing_and_leads_nowhere(tmp_path, name):
    assert ArtifactStore(tmp_path).named(name) is None


def test_a_broken_artifact_is_an_error_that_names_the_file(tmp_path):
    store = ArtifactStore(tmp_path)
    path = store.save(artifact())
    path.write_text("{")
    with pytest.raises(CliError, match="cannot be read") as caught:
        store.at(artifact().address)
    assert str(path) in caught.value.what


def test_sources_are_kept_once_for_all_contracts_that_were_compiled_together(tmp_path):
    store = ArtifactStore(tmp_path)
    assert store.lines(artifact(), b"\x00") == {}
    maps = {"Token.sol:Token": "0:5:0", "Token.sol:Other": "6:5:0"}
    store.save_sources("hash", SourceMaps({"Token.sol": "line1\nline2\n"}, {"0": "Token.sol"}, maps))
    assert store.lines(artifact(), b"\x00") == {0: Line("Token.sol", 1, "line1")}
    other = replace(artifact(), name="Other")
    assert store.lines(other, b"\x00") == {0: Line("Token.sol", 2, "line2")}


LAYOUT = {"storage": [], "types": {}}
METADATA = "a164736f6c634300081e000a"
OTHER_METADATA = "a164736f6c634300081d000a"


def template(metadata=METADATA, imported=True, **fields):
    known = {"address": "", "source_hash": "", "abi": []} | fields
    return Template(replace(artifact(), **known), CodePattern.of(f"6080{metadata}"), imported)


def test_a_build_that_is_known_is_never_replaced_by_less(tmp_path):
    store = ArtifactStore(tmp_path)
    store.save_template(template(layout=LAYOUT, source_hash="maps", abi=[{"type": "receive"}]))
    store.save_template(template(imported=False))
    [kept] = store.templates("Token")
    assert kept == template(layout=LAYOUT, source_hash="maps", abi=[{"type": "receive"}])


def test_a_build_with_the_same_code_from_other_sources_is_kept_beside_the_first(tmp_path):
    store = ArtifactStore(tmp_path)
    store.save_template(template(layout=LAYOUT))
    store.save_template(template(OTHER_METADATA))
    first, second = (bytes.fromhex(f"6080{metadata}") for metadata in (METADATA, OTHER_METADATA))
    assert store.recognise(first).artifact.layout == LAYOUT
    assert store.recognise(second).artifact.layout == {}
    assert store.recognise(second, artifact()).artifact.layout == {}
