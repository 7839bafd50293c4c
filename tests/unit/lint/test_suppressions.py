"""Comments cover findings only with a rule that there is, a reason, and something to cover."""

import pytest

from megaeth_cli.lint import Level
from tests.unit.lint.conftest import CONTRACTS


@pytest.fixture
def found(report):
    return [one for one in report.findings if one.place.path.name == "suppressed.sol"]


def test_a_comment_covers_its_own_line_or_the_next_with_code(found):
    covered = [one for one in found if one.suppressed is not None]
    assert [(one.rule, one.suppressed) for one in covered] == [
        ("selfdestruct", "sends what is left"),
        ("selfdestruct", "the same"),
    ]


def test_another_rule_a_missing_reason_and_an_unknown_rule_cover_nothing(found):
    open_ = [one for one in found if one.rule == "selfdestruct" and one.suppressed is None]
    assert len(open_) == 3


def test_what_is_wrong_with_a_comment_is_a_finding(found):
    wrong = [(one.level, one.message) for one in found if one.rule == "suppression"]
    assert wrong == [
        (Level.NOTE, "this comment covers no finding"),
        (Level.WARNING, "a reason is missing: `ignore[rule] reason`"),
        (Level.WARNING, "there is no rule 'self-destruct'"),
    ]


def test_what_looks_like_a_comment_in_a_string_is_none(found):
    text = (CONTRACTS / "suppressed.sol").read_text()
    assert '"// megaeth-lint' in text
    assert all("ignore[nothing]" not in one.place.line for one in found)


def test_a_comment_with_another_word_is_told(look):
    report = look("// megaeth-lint: disable stipend\ncontract A {}")
    assert [one.message for one in report.findings] == ["write `megaeth-lint: ignore[rule] reason`"]


def test_blank_lines_and_comments_may_stand_between(look):
    (one,) = look(
        "contract A { function f(address payable to) public {\n"
        "// megaeth-lint: ignore[stipend] old wallets only\n\n// more to say\n  to.transfer(1); } }"
    ).findings
    assert one.suppressed == "old wallets only"


def test_a_rule_that_was_not_asked_for_makes_no_comment_useless(look):
    source = (
        "contract A { function f(address payable to) public {\n"
        "  to.transfer(1); // megaeth-lint: ignore[stipend] yes\n} }"
    )
    assert look(source, rules=["selfdestruct"]).findings == ()
