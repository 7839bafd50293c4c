"""Compilers are taken in the documented order; answers become contracts or readable errors."""

import stat
from pathlib import Path

import pytest

from megaeth_cli.compile import Compilation, compilers, npm
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version, VersionRange
from megaeth_cli.compile.standard_json import Contract, Settings, evm_version, raise_errors


def executable(path: Path, version: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho 'solc, the solidity compiler'\necho 'Version: {version}+commit.1234'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def machine(tmp_path):
    """Node, and a compiler in each place: 0.8.20 on PATH, 0.8.21 of py-solc-x, 0.8.22 of npm."""
    executable(tmp_path / "bin/solc", "0.8.20")
    executable(tmp_path / "bin/node", "20.0.0")
    executable(tmp_path / "home/.solcx/solc-v0.8.21", "0.8.21")
    fetched = tmp_path / "cache/solc/0.8.22"
    fetched.mkdir(parents=True)
    npm.driver(fetched).write_text("")
    variables = {"PATH": f"{tmp_path}/bin", "HOME": f"{tmp_path}/home"}
    return compilers.Search(tmp_path / "cache", variables)


def chosen(search, *ranges) -> str:
    return str(
        compilers.choose(search, {str(n): VersionRange(text) for n, text in enumerate(ranges)}).version
    )


def test_the_compiler_on_path_comes_first(machine):
    assert chosen(machine, "^0.8.0") == "0.8.20"


def test_a_compiler_that_a_pragma_forbids_is_passed_over(machine):
    assert chosen(machine, "^0.8.21") == "0.8.21"
    assert chosen(machine, "^0.8.0", ">=0.8.22") == "0.8.22"


def test_the_flag_wins_over_everything(machine, tmp_path):
    other = executable(tmp_path / "other", "0.8.5")
    search = compilers.Search(machine.cache, machine.variables, str(other))
    assert chosen(search, "^0.8.0") == "0.8.5"


def test_a_chosen_compiler_that_a_pragma_forbids_is_an_error_and_not_passed_over(machine, tmp_path):
    other = executable(tmp_path / "other", "0.8.5")
    with pytest.raises(CompileError, match=r"solc 0\.8\.5 may not compile") as caught:
        chosen(compilers.Search(machine.cache, machine.variables, str(other)), "0.7.6")
    assert "0.7.6" in caught.value.why


def test_a_flag_that_names_no_compiler_is_an_error(machine, tmp_path):
    with pytest.raises(CompileError, match="not a Solidity compiler"):
        chosen(compilers.Search(machine.cache, machine.variables, str(tmp_path / "nothing")))


def test_without_compiler_and_npm_the_missing_tools_are_named(tmp_path):
    search = compilers.Search(tmp_path, {"PATH": str(tmp_path), "HOME": str(tmp_path)})
    with pytest.raises(CompileError) as caught:
        chosen(search, "^0.8.0")
    assert "node and npm" in caught.value.why
    assert "--solc" in caught.value.hint


def test_npms_reason_is_shown_when_it_cannot_fetch(machine, tmp_path):
    failing = tmp_path / "bin/npm"
    failing.write_text(
        "#!/bin/sh\necho 'npm warn old' >&2\necho 'npm error ENOTFOUND registry' >&2\nexit 1\n"
    )
    failing.chmod(0o755)
    with pytest.raises(CompileError, match="could not be fetched") as caught:
        chosen(machine, "0.4.26")
    assert caught.value.why == "npm error ENOTFOUND registry"
    assert not list((machine.cache / "solc").glob(".fetching*"))


@pytest.mark.parametrize(
    ("compiler", "evm"),
    [
        ((0, 8, 37), "prague"),
        ((0, 8, 26), "cancun"),
        ((0, 8, 19), "paris"),
        ((0, 7, 6), "istanbul"),
        ((0, 4, 11), None),
    ],
)
def test_the_evm_version_is_the_newest_that_megaeth_and_the_compiler_know(compiler, evm):
    assert evm_version(Settings(), Version(*compiler)) == evm


def test_an_evm_version_that_megaeth_does_not_run_is_refused():
    with pytest.raises(CompileError, match="does not run EVM version 'osaka'"):
        evm_version(Settings(evm_version="osaka"), Version(0, 8, 37))


def test_compile_errors_keep_the_compilers_source_lines_and_leave_warnings_out():
    shown = "ParserError: Expected ';'\n --> A.sol:1:2:\n  |\n1 | oops\n  |  ^\n\n"
    answer = {
        "errors": [
            {"severity": "warning", "formattedMessage": "Warning: hush"},
            {"severity": "error", "formattedMessage": shown},
        ]
    }
    with pytest.raises(CompileError) as caught:
        raise_errors(answer)
    assert caught.value.what == "the source does not compile: 1 error"
    assert "1 | oops\n  |  ^" in caught.value.why
    assert "hush" not in caught.value.why


def compiled(*names: str) -> Compilation:
    contracts = tuple(Contract("src/A.sol", name, [], "00" if name.isalpha() else "", "") for name in names)
    return Compilation("src/A.sol", "solc", "hash", contracts)


def test_the_only_contract_with_code_is_meant_without_a_name():
    assert compiled("Interface1", "Token").contract(None).name == "Token"


def test_of_several_contracts_the_one_named_like_the_file_is_meant():
    assert compiled("B", "A").contract(None).name == "A"


@pytest.mark.parametrize(
    ("contracts", "name", "what"),
    [
        (("B", "C"), None, "several contracts: B, C"),
        (("I1",), None, "nothing to deploy"),
        (("B",), "Z", "has no contract Z"),
    ],
)
def test_a_contract_that_cannot_be_told_is_an_error(contracts, name, what):
    with pytest.raises(CompileError, match=what):
        compiled(*contracts).contract(name)
