"""`megaeth lint`: exit codes, selection, and its output for people, programs and code hosts."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from megaeth_cli.errors import ExitStatus
from megaeth_cli.lint import RULES, Place
from megaeth_cli.output.lint import Excerpt
from tests.support.cli import compiler_variables

HEAD = "// SPDX-License-Identifier: MIT\npragma solidity >=0.5.0;\n"
WALLET = HEAD + (
    "contract Wallet {\n"
    "    function end(address payable to) external {\n"
    "        selfdestruct(to);\n"
    "    }\n"
    "    function pay(address payable to) external {\n"
    "        to.transfer(1);\n"
    "    }\n"
    "    function payLast(address payable to) external {\n"
    "        to.transfer(2); // megaeth-lint: ignore[stipend] a wallet of ours\n"
    "    }\n"
    "}\n"
)


@pytest.fixture
def lint(megaeth, tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Wallet.sol").write_text(WALLET)

    def call(*arguments, **variables):
        return megaeth("lint", *arguments, **compiler_variables(), **variables)

    return call


def test_a_finding_is_shown_with_its_line_its_numbers_and_what_all_costs_to_deploy(lint):
    result = lint("src")
    assert result.code == ExitStatus.FAILURE
    lines = result.out.splitlines()
    assert lines[0] == "warning[selfdestruct] src/Wallet.sol:5:9"
    assert lines[1].startswith("  `selfdestruct` leaves code and storage")
    assert "  5 |         selfdestruct(to);" in lines
    assert "    |         ^^^^^^^^^^^^^^^^" in lines
    assert "note[stipend] src/Wallet.sol:8:9" in lines
    assert not any("transfer(2)" in line for line in lines)
    (deployed,) = [line for line in lines if line.startswith("Wallet ")]
    assert deployed.split()[1].isdigit()
    assert lines[-1] == "1 warning, 1 note in 1 file, by the rules of rex6; 1 covered by comments"


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ((), ExitStatus.FAILURE),
        (("--fail-on", "error"), ExitStatus.SUCCESS),
        (("--fail-on", "never"), ExitStatus.SUCCESS),
        (("--rule", "stipend"), ExitStatus.SUCCESS),
        (("--rule", "stipend", "--fail-on", "note"), ExitStatus.FAILURE),
        (("--ignore", "selfdestruct"), ExitStatus.SUCCESS),
        (("--ignore", "selfdestruct", "--ignore", "stipend", "--fail-on", "note"), ExitStatus.SUCCESS),
        (("--rule", "nothing"), ExitStatus.USAGE),
        (("--fail-on", "nothing"), ExitStatus.USAGE),
        (("--spec", "rex9"), ExitStatus.USAGE),
        (("--json", "--sarif", "-"), ExitStatus.USAGE),
    ],
)
def test_exit_codes(lint, arguments, status):
    assert lint("src/Wallet.sol", *arguments).code == status


def test_what_cannot_be_linted_is_refused(lint, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "Bad.sol").write_text(HEAD + "contract {")
    (tmp_path / "A.vy").write_text("# pragma version 0.4.3\n")
    assert lint().code == ExitStatus.USAGE
    assert lint("absent").code == ExitStatus.USAGE
    assert lint("empty").code == ExitStatus.USAGE
    assert lint("A.vy").code == ExitStatus.COMPILE
    broken = lint("Bad.sol")
    assert broken.code == ExitStatus.COMPILE
    assert "Bad.sol" in broken.err


def test_json_has_all_of_it(lint):
    body = json.loads(lint("src", "--json").out)
    assert body["files"] == ["src/Wallet.sol"]
    assert body["spec"] == "rex6"
    first, second, third = body["findings"]
    assert (first["rule"], first["level"], first["path"], first["line"], first["column"]) == (
        *("selfdestruct", "warning", "src/Wallet.sol", 5, 9),
    )
    assert first["measured"]["selfdestruct_gas"] > 0
    assert (second["suppressed"], third["suppressed"]) == (None, "a wallet of ours")
    (deployment,) = body["deployments"]
    assert (
        deployment["gas"] == deployment["computeGas"] + deployment["storageGas"] > deployment["ethereumGas"]
    )


def test_quiet_prints_a_line_for_each_finding(lint):
    lines = lint("src", "-q").out.splitlines()
    assert [line.split(" ", 1)[0] for line in lines] == ["src/Wallet.sol:5:9:", "src/Wallet.sol:8:9:"]


def test_directories_leave_out_what_is_not_deployed_and_what_others_wrote(lint, tmp_path):
    for name in (
        "src/A.t.sol",
        "src/A.s.sol",
        "src/lib/B.sol",
        "src/node_modules/C.sol",
        "src/test/E.sol",
        "src/.hidden/D.sol",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("not Solidity")
    assert json.loads(lint("src", "--json").out)["files"] == ["src/Wallet.sol"]
    assert lint("src/lib").code == ExitStatus.COMPILE


def test_files_with_other_pragmas_are_compiled_by_other_compilers(lint, tmp_path):
    (tmp_path / "src" / "Old.sol").write_text(
        "pragma solidity 0.5.16;\ncontract Old { function f(address payable a) public { a.transfer(1); } }\n"
    )
    body = json.loads(lint("src", "--json", "--rule", "stipend").out)
    assert [one["path"] for one in body["findings"]] == ["src/Old.sol", "src/Wallet.sol", "src/Wallet.sol"]


def test_sarif_is_what_code_hosts_read(lint, tmp_path):
    assert lint("src", "--sarif", "out.sarif", "--fail-on", "never").code == ExitStatus.SUCCESS
    log = json.loads((tmp_path / "out.sarif").read_text())
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert [rule["id"] for rule in driver["rules"]] == [*RULES, "suppression"]
    first, second, third = run["results"]
    assert driver["rules"][first["ruleIndex"]]["id"] == first["ruleId"] == "selfdestruct"
    assert first["level"] == "warning"
    (location,) = first["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "src/Wallet.sol", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 5, "startColumn": 9, "endLine": 5, "endColumn": 25},
    }
    assert run["originalUriBaseIds"]["%SRCROOT%"]["uri"] == f"{Path(tmp_path).as_uri()}/"
    assert "suppressions" not in second
    assert third["suppressions"] == [{"kind": "inSource", "justification": "a wallet of ours"}]
    prints = [one["partialFingerprints"]["megaethLint/v1"] for one in run["results"]]
    assert len(set(prints)) == 3


def test_fingerprints_stay_when_lines_move(lint, tmp_path):
    def prints():
        (run,) = json.loads(lint("src", "--sarif", "-").out)["runs"]
        return [one["partialFingerprints"] for one in run["results"]]

    before = prints()
    (tmp_path / "src" / "Wallet.sol").write_text(WALLET.replace(HEAD, f"{HEAD}\n\n"))
    assert prints() == before


def test_a_sarif_file_is_replaced_only_when_that_is_asked_for(lint, tmp_path):
    (tmp_path / "out.sarif").write_text("kept")
    assert lint("src", "--sarif", "out.sarif").code == ExitStatus.FAILURE
    assert (tmp_path / "out.sarif").read_text() == "kept"
    lint("src", "--sarif", "out.sarif", "--force")
    assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_explained_with_what_was_measured(lint, name):
    result = lint("--explain", name)
    assert result.code == ExitStatus.SUCCESS
    assert result.out.startswith(f"{name}: ")
    body = json.loads(lint("--explain", name, "--json").out)
    assert body["rule"] == name
    assert body["measured"]
    assert all(body["measured"].values())
    assert body["source"].startswith("https://github.com/megaeth-labs/")


def test_an_unknown_rule_is_answered_with_those_that_there_are(lint):
    result = lint("--explain", "volatile")
    assert result.code == ExitStatus.USAGE
    assert "volatile-before-compute" in result.err


@pytest.mark.parametrize("at", [4, 150, 292])
def test_a_line_wider_than_the_terminal_is_cut_around_what_is_meant(at):
    line = " " * at + "bad();" + "x" * (300 - at - 6)
    place = Place(Path("a.sol"), (7, at + 1), (7, at + 7), line)
    console = Console(width=60, file=io.StringIO())
    console.print(Excerpt(place, "red"))
    shown, marks = console.file.getvalue().splitlines()
    assert len(shown.rstrip()) <= 60
    begin = marks.index("^")
    assert shown[begin : begin + 6] == "bad();" == "bad();"[: marks.count("^")]
