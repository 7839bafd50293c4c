"""Deployed contracts are remembered by name and by address."""

from dataclasses import replace

import pytest

from megaeth_cli.artifacts import Artifact, ArtifactStore
from megaeth_cli.errors import CliError
from megaeth_cli.source_map import Line, SourceMaps


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
