"""What a report says of the rules that a block was checked under."""

import pytest

from megaeth_cli.output.verification import rules_text


@pytest.mark.parametrize(
    ("effort", "text"),
    [
        (
            {"origin": "published", "chainId": 4326, "fork": "Rex6", "forkSince": 1_787_626_800},
            "hardfork Rex6, since 2026-08-25 03:00:00 UTC, by the published schedule of chain 4326",
        ),
        (
            {"origin": "genesis", "chainId": 6343, "fork": "Rex6", "forkSince": 0},
            "hardfork Rex6, since genesis, by the genesis of chain 6343",
        ),
        (
            {"origin": "named", "chainId": 7, "fork": "Rex1", "forkSince": 0},
            "hardfork Rex1, since genesis, by its name",
        ),
        (
            {"origin": "named", "chainId": 7},
            "no hardfork of MegaETH's yet, by its name",
        ),
    ],
)
def test_the_hardfork_is_named_with_its_beginning_and_who_says_so(effort, text):
    assert rules_text(effort) == text
