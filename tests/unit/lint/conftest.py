"""The contracts of these tests, compiled and looked at once."""

from pathlib import Path

import pytest

from megaeth_cli.compile import Options
from megaeth_cli.lint import RULES, Costs, lint
from tests.support.cli import compiler_variables

CONTRACTS = Path(__file__).with_name("contracts")


@pytest.fixture(scope="session")
def options():
    variables = compiler_variables()
    return Options(Path(variables["MEGAETH_CACHE"]), variables)


@pytest.fixture(scope="session")
def report(options):
    """What is found in all contracts by all rules but that for large ones, under the newest fork's costs."""
    rules = [rule for name, rule in RULES.items() if name != "deployment-gas"]
    return lint(sorted(CONTRACTS.glob("*.sol")), options, Costs("rex6"), rules)


@pytest.fixture
def look(tmp_path, options):
    """Look at one source, under the costs of a fork."""

    def call(text, *, spec="rex6", rules=RULES):
        path = tmp_path / "One.sol"
        path.write_text(f"// SPDX-License-Identifier: MIT\npragma solidity >=0.5.0;\n{text}")
        return lint([path], options, Costs(spec), [RULES[name] for name in rules])

    return call
