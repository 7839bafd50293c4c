"""A quick share of `python -m tests.clients`, and that it sees what is wrong."""

import pytest

from tests.clients import suites
from tests.clients.lab import Lab
from tests.clients.report import Outcome, Report

QUICK = ("forge", "otterscan")


@pytest.mark.parametrize("name", QUICK)
def test_a_client_finds_what_it_is_used_to(name, tmp_path):
    suite = suites.load(name)
    report = Report(suite.KNOWN)
    suite.run(Lab(tmp_path), report)
    report.close()
    assert report.unexpected() == []


def test_what_fails_without_being_listed_is_unexpected_and_so_is_what_holds_or_is_not_made_though_it_is():
    report = Report({"listed": "why", "holds": "why", "not made": "why"})
    for name, fails in (("fails", True), ("listed", True), ("holds", False), ("is fine", False)):
        with report.check(name):
            assert not fails
    report.close()
    assert {check.name: check.outcome for check in report.checks} == {
        "fails": Outcome.FAILED,
        "listed": Outcome.DIFFERS,
        "holds": Outcome.OUTDATED,
        "is fine": Outcome.OK,
        "not made": Outcome.MISSING,
    }
    assert [check.name for check in report.unexpected()] == ["fails", "holds", "not made"]


def test_a_client_that_tells_of_no_check_is_unexpected():
    report = Report()
    report.close()
    assert [check.outcome for check in report.unexpected()] == [Outcome.MISSING]
