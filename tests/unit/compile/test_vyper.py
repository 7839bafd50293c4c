"""Vyper sources are compiled by the installed `vyper`; a stand-in that speaks like 0.4.3 plays it here."""

import json

import pytest

from megaeth_cli.compile import Options, compile_source
from megaeth_cli.compile.errors import CompileError

ABI = [{"type": "function", "name": "total", "inputs": [], "outputs": [{"type": "uint256", "name": ""}]}]
LAYOUT = {
    "storage_layout": {
        "total": {"type": "uint256", "n_slots": 1, "slot": 1},
        "owner": {"type": "address", "n_slots": 1, "slot": 0},
        "lib": {"paused": {"type": "bool", "n_slots": 1, "slot": 2}},
    }
}


@pytest.fixture
def options(tmp_path):
    def make(version="0.4.3+commit.bff19ea2", script=None):
        lines = "\n".join([json.dumps(ABI), "0x6001", "0x6002", json.dumps(LAYOUT), json.dumps({"ast": {}})])
        body = script or f"echo \"$@\" > '{tmp_path}/asked'\ncat <<'END'\n{lines}\nEND\n"
        path = tmp_path / "bin" / "vyper"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo {version}; exit; fi\n{body}')
        path.chmod(0o755)
        return Options(tmp_path / "cache", {"PATH": f"{path.parent}:/bin:/usr/bin"})

    (tmp_path / "Vault.vy").write_text("total: public(uint256)\n")
    return make


def test_a_vyper_contract_has_abi_code_and_the_layout_of_its_variables(options, tmp_path):
    compilation = compile_source(tmp_path / "Vault.vy", options())
    contract = compilation.contract(None)
    assert (contract.name, contract.abi, contract.bytecode, contract.runtime) == (
        "Vault",
        ABI,
        "6001",
        "6002",
    )
    assert [(one["label"], one["slot"]) for one in contract.layout["storage"]] == [
        ("owner", "0"),
        ("total", "1"),
        ("lib.paused", "2"),
    ]
    assert compilation.compiler.startswith("vyper 0.4.3")


@pytest.mark.parametrize(("version", "asks"), [("0.4.3", True), ("0.3.10", False)])
def test_prague_is_asked_of_those_that_know_it(options, tmp_path, version, asks):
    compile_source(tmp_path / "Vault.vy", options(version))
    assert ("--evm-version prague" in (tmp_path / "asked").read_text()) == asks


def test_a_source_that_does_not_compile_shows_vypers_words(options, tmp_path):
    with pytest.raises(CompileError) as caught:
        compile_source(tmp_path / "Vault.vy", options(script="echo 'line 1:4 bad' >&2; exit 1"))
    assert caught.value.why == "line 1:4 bad"


def test_without_vyper_it_says_how_to_install_it(options, tmp_path):
    with pytest.raises(CompileError, match="vyper is not installed") as caught:
        compile_source(tmp_path / "Vault.vy", Options(tmp_path / "cache", {"PATH": "/nowhere"}))
    assert caught.value.hint == "pip install vyper"
