"""Compilers are taken in the documented order; answers become contracts or readable errors."""

import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from megaeth_cli.compile import Compilation, compilers, npm
from megaeth_cli.compile.errors import CompileError
from megaeth_cli.compile.pragma import Version, VersionRange
from megaeth_cli.compile.releases import INTEGRITY
from megaeth_cli.compile.standard_json import Contract, Settings, evm_version, raise_errors, request


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
    fetched = npm.path_of(tmp_path / "cache", Version(0, 8, 22))
    fetched.parent.mkdir(parents=True)
    fetched.write_text("")
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


def test_a_version_that_the_project_names_is_taken(machine):
    assert chosen(replace(machine, named="0.8.21"), "^0.8.0") == "0.8.21"


def test_a_path_that_the_project_names_is_taken_and_must_satisfy_the_pragmas(machine, tmp_path):
    search = replace(machine, named=str(executable(tmp_path / "tools/solc", "0.8.5")))
    assert chosen(search, "^0.8.0") == "0.8.5"
    with pytest.raises(CompileError, match=r"solc 0\.8\.5 may not compile"):
        chosen(search, "^0.8.6")


def test_a_version_that_the_project_names_against_a_pragma_is_an_error_that_names_both(machine):
    executable(machine.cache.parent / "bin/npm", "10")
    with pytest.raises(CompileError, match="fits all pragmas") as caught:
        chosen(replace(machine, named="0.8.19"), "^0.8.20")
    assert "the project's configuration: =0.8.19" in caught.value.why and "^0.8.20" in caught.value.why


def npm_that(machine, script: str) -> None:
    path = Path(machine.variables["PATH"]) / "npm"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_npms_reason_is_shown_when_it_cannot_fetch(machine):
    npm_that(machine, "echo 'npm warn old' >&2; echo 'npm error ENOTFOUND registry' >&2; exit 1")
    with pytest.raises(CompileError, match="could not be fetched") as caught:
        chosen(machine, "0.4.26")
    assert caught.value.why == "npm error ENOTFOUND registry"
    assert not list((machine.cache / "solc").glob(".fetching*"))


def test_a_package_with_another_hash_is_not_used(machine, tmp_path):
    package = tmp_path / "forged.tgz"
    with tarfile.open(package, "w:gz") as archive:
        archive.add(executable(tmp_path / "soljson.js", "0.4.26"), "package/soljson.js")
    npm_that(machine, f"cp {package} solc-0.4.26.tgz")
    machine = replace(machine, variables={**machine.variables, "PATH": f"{tmp_path}/bin:/bin:/usr/bin"})
    with pytest.raises(CompileError, match=r"not that release") as caught:
        chosen(machine, "0.4.26")
    assert INTEGRITY[Version(0, 4, 26)] in caught.value.why
    assert not npm.path_of(machine.cache, Version(0, 4, 26)).exists()


def test_compilers_and_npm_get_no_secrets(machine, tmp_path):
    secrets = {
        "MEGAETH_PRIVATE_KEY": "0x1",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "npm_config_registry": "http://r",
    }
    variables = {**machine.variables, **secrets, "PATH": f"{tmp_path}/bin:/bin:/usr/bin"}
    answers = 'cat > /dev/null; echo "{\\"env\\": \\"$(env | tr \'\\n\' \' \')\\"}"'
    solc = executable(tmp_path / "bin/solc", "0.8.20")
    solc.write_text(f"#!/bin/sh\n{answers}\n")
    seen = compilers.NativeCompiler(solc, Version(0, 8, 20), variables).run({})["env"]
    assert "PATH=" in seen
    assert "MEGAETH" not in seen and "hush" not in seen and "registry" not in seen
    npm_that(machine, f"env > {tmp_path}/seen; exit 1")
    with pytest.raises(CompileError):
        npm.fetch(str(tmp_path / "bin/npm"), tmp_path / "cache", Version(0, 8, 1), variables)
    seen = (tmp_path / "seen").read_text()
    assert "npm_config_registry=http://r" in seen
    assert "MEGAETH" not in seen and "hush" not in seen


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


@pytest.mark.parametrize(
    ("wanted", "compiler", "evm"),
    [
        ("prague", (0, 8, 37), "prague"),
        ("prague", (0, 8, 19), "paris"),
        ("osaka", (0, 8, 37), "prague"),
        ("cancun", (0, 8, 23), "shanghai"),
        ("constantinople", (0, 5, 0), "constantinople"),
        ("prague", (0, 4, 20), None),
    ],
)
def test_an_evm_version_that_the_compiler_or_megaeth_does_not_know_is_lowered(wanted, compiler, evm):
    assert evm_version(Settings(evm_version=wanted), Version(*compiler)) == evm


def test_an_evm_version_that_nobody_knows_is_refused():
    with pytest.raises(CompileError, match="no EVM version 'pragu'"):
        evm_version(Settings(evm_version="pragu"), Version(0, 8, 37))


def test_an_older_compiler_is_not_asked_for_what_it_does_not_know():
    metadata = {"bytecodeHash": "none", "appendCBOR": False, "useLiteralContent": True}
    wanted = Settings(more={"metadata": metadata, "debug": {"revertStrings": "strip"}})
    old = request({}, [], wanted, Version(0, 5, 17))["settings"]
    new = request({}, [], wanted, Version(0, 8, 37))["settings"]
    assert (old["metadata"], "debug" in old) == ({"useLiteralContent": True}, False)
    assert (new["metadata"], new["debug"]) == (metadata, {"revertStrings": "strip"})


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
