"""Every rule finds what it is for, at its line and level, and leaves alone what looks like it.

The contracts say in comments at the ends of lines what must be found there; everything else in them must not be found.
"""

import re

import pytest

from megaeth_cli.lint import RULES, Costs, Level, lint
from megaeth_cli.lint.findings import Finding, Place
from tests.unit.lint.conftest import CONTRACTS

EXPECTED = re.compile(r"(?:note|warning|error): [\w-]+")
FILES = sorted(path.name for path in CONTRACTS.glob("*.sol") if path.name != "suppressed.sol")


def expected(name):
    """(line, level, rule) for each comment."""
    lines = (CONTRACTS / name).read_text().splitlines()
    return sorted(
        (number, *found.split(": "))
        for number, line in enumerate(lines, 1)
        for found in EXPECTED.findall(line.partition("// ")[2])
    )


@pytest.mark.parametrize("name", FILES)
def test_what_the_contracts_say_is_found_and_nothing_else(report, name):
    found = sorted(
        (one.place.begin[0], one.level.value, one.rule)
        for one in report.findings
        if one.place.path.name == name
    )

    assert found == expected(name)


def test_every_rule_has_something_to_find_and_something_to_leave_alone():
    wanted = {rule for name in FILES for _, _, rule in expected(name)}

    assert wanted == RULES.keys() - {"deployment-gas"}
    for name in FILES:
        assert "Missed {" in (CONTRACTS / name).read_text()


def only(report, rule):
    return [one for one in report.findings if one.rule == rule]


def test_a_finding_says_what_comes_after_the_read_and_how_much_gas_is_left(report):
    place_of = {
        one.place.begin[0]: one
        for one in only(report, "volatile-before-compute")
        if one.place.path.name == "volatile.sol"
    }
    modifier = next(
        one for one in place_of.values() if "block.timestamp is read before a loop" in one.message
    )
    assert modifier.place.line.strip().startswith("require(block.timestamp < ends);")
    assert modifier.measured == {"detained_compute_gas": 20_000_000}
    assert "20,000,000 compute gas left" in modifier.message
    ((text, place),) = modifier.related
    assert text == "a loop up to `players.length` comes after it"
    assert "for (uint256 i = 0" in place.line
    through = next(one for one in place_of.values() if "`clock()`" in one.message)
    assert "`target.call(data)`" in through.message
    oracle = next(one for one in place_of.values() if one.message.startswith("the oracle is read"))
    assert "`distribute`, which runs a loop up to `players.length`" in oracle.message


def test_a_place_is_the_expression_itself(report):
    (one,) = [one for one in only(report, "intrinsic-gas") if one.place.path.name == "gas.sol"]
    (line, begin), (_, end) = one.place.begin, one.place.end
    assert one.place.line[begin - 1 : end - 1] == "21000"
    assert (CONTRACTS / "gas.sol").read_text().splitlines()[line - 1] == one.place.line


def test_columns_count_characters_not_bytes(look):
    (found,) = look(
        'contract A { string s = unicode"äöü€"; function f() public { selfdestruct(payable(msg.sender)); } }'
    ).findings
    begin, end = found.place.begin[1], found.place.end[1]
    assert found.place.line[begin - 1 : end - 1] == "selfdestruct(payable(msg.sender))"


def test_a_large_contract_is_told_with_what_its_deployment_takes(look):
    text = "x" * 2000
    report = look(
        f'contract Large {{ function f() external pure returns (string memory) {{ return "{text}"; }} }}'
    )
    (found,) = only(report, "deployment-gas")
    (deployment,) = report.deployments
    assert found.level is Level.NOTE
    assert found.place.line.startswith("contract Large")
    assert deployment.runtime_bytes > 2000
    assert (
        found.measured["deployment_gas"] == deployment.gas == deployment.compute_gas + deployment.storage_gas
    )
    assert f"{deployment.gas:,}" in found.message


def test_a_library_that_is_not_linked_yet_has_a_size_too(look):
    report = look(
        "library L { function f(uint x) public pure returns (uint) { return x + 1; } }\n"
        "contract A { function g(uint x) external pure returns (uint) { return L.f(x); } }"
    )
    assert {one.contract for one in report.deployments} == {"L", "A"}


@pytest.mark.parametrize(
    ("rule", "source"),
    [
        (
            "volatile-before-compute",
            "contract A { uint[] a; uint s; function f() public { require(block.timestamp > 1); "
            "for (uint i; i < a.length; i++) s += a[i]; } }",
        ),
        (
            "slots-in-loop",
            "contract A { uint[] a; function f(uint n) public { for (uint i; i < n; i++) a.push(i); } }",
        ),
        (
            "event-data",
            "contract A { event E(bytes b); function f(bytes memory b) public { emit E(b); } }",
        ),
        (
            "intrinsic-gas",
            "contract A { function f(uint p) public view returns (uint) { uint gas = 21000 * p; return gas; } }",
        ),
        (
            "forwarded-gas",
            "contract A { function f() public view returns (uint) { return gasleft() / 64; } }",
        ),
        (
            "fixed-gas",
            'contract A { function f(address a) public { (bool ok, ) = a.call{gas: 5}(""); ok; } }',
        ),
        ("contract-creation", "contract B {} contract A { function f() public { new B(); } }"),
    ],
)
def test_what_costs_as_on_ethereum_is_not_found_under_ethereums_rules(look, rule, source):
    assert only(look(source, rules=[rule]), rule)
    assert not only(look(source, rules=[rule], spec="equivalence"), rule)


def test_a_stipend_that_pays_for_no_event_is_worse(look):
    source = "contract A { function f(address payable to) public { to.transfer(1); } }"
    (now,) = look(source, rules=["stipend"]).findings
    (before,) = look(source, rules=["stipend"], spec="rex3").findings
    assert (now.level, before.level) == (Level.NOTE, Level.WARNING)
    assert "runs out of gas" in before.message


def test_selfdestruct_that_halts_is_an_error(look):
    source = "contract A { function f(address payable to) public { selfdestruct(to); } }"
    (found,) = look(source, rules=["selfdestruct"], spec="rex1").findings
    assert found.level is Level.ERROR
    assert "halts" in found.message


def test_old_compilers_write_gas_and_time_otherwise(tmp_path, options):
    path = tmp_path / "Old.sol"
    path.write_text(
        "pragma solidity 0.5.16;\n"
        "contract Other { function f() external; }\n"
        "contract Old { uint[] a; uint s; function g(Other other) public {\n"
        "  other.f.gas(5000)();\n"
        "  require(now > 1);\n"
        "  for (uint i; i < a.length; i++) s += a[i];\n"
        "} }\n"
    )
    found = lint([path], options, Costs("rex6"), RULES.values()).findings
    assert [(one.place.begin[0], one.rule) for one in found] == [
        (4, "fixed-gas"),
        (5, "volatile-before-compute"),
    ]


def test_findings_in_what_is_imported_are_those_of_who_wrote_it(tmp_path, look):
    (tmp_path / "Base.sol").write_text(
        "pragma solidity >=0.5.0;\ncontract Base { uint[] a; uint s;\n"
        "function all() internal { for (uint i; i < a.length; i++) s += a[i]; } "
        "function end() public { selfdestruct(payable(msg.sender)); } }"
    )
    report = look(
        'import "./Base.sol";\ncontract A is Base { function f() public { if (block.timestamp > 1) all(); } }'
    )
    (found,) = report.findings
    assert found.rule == "volatile-before-compute"
    assert [one.contract for one in report.deployments] == ["A"]


def test_levels_are_in_order():
    place = Place(CONTRACTS, (1, 1), (1, 2), "")
    levels = [Finding("", level, "", place).level.rank for level in (Level.NOTE, Level.WARNING, Level.ERROR)]
    assert levels == sorted(set(levels))


def test_the_size_of_what_is_created_is_that_contracts_and_not_its_namesakes(tmp_path, options):
    (tmp_path / "Large.sol").write_text(
        f'pragma solidity >=0.5.0;\ncontract Child {{ string public text = "{"x" * 300}"; }}'
    )
    path = tmp_path / "Maker.sol"
    path.write_text(
        "pragma solidity >=0.5.0;\ncontract Child {}\ncontract Maker { function f() public { new Child(); } }"
    )
    report = lint([tmp_path / "Large.sol", path], options, Costs("rex6"), [RULES["contract-creation"]])
    (found,) = report.findings
    small = min(one.runtime_bytes for one in report.deployments if one.contract == "Child")
    assert f"{small} bytes" in found.message
