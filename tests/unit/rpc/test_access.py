"""Who is refused by name, and what the log says of it."""

import logging

import pytest

from devnet.rpc.access import MAX_LOGGED, AccessPolicy


@pytest.fixture
def policy():
    return AccessPolicy("127.0.0.1", ["megaeth"], ["https://app.example"])


def test_a_refused_name_is_logged_once_with_what_to_set(policy, caplog):
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert not policy.host_allowed(b"node.example:8545")
            assert not policy.origin_allowed(b"https://evil.example")
            assert policy.host_allowed(b"megaeth:8545")
            assert policy.origin_allowed(b"https://app.example")
    host, origin = caplog.messages
    assert "'node.example:8545'" in host
    assert "MEGAETH_ALLOW_HOST" in host
    assert "'https://evil.example'" in origin
    assert "--allow-origin" in origin


def test_made_up_names_do_not_fill_the_log(policy, caplog):
    with caplog.at_level(logging.WARNING):
        for number in range(3 * MAX_LOGGED):
            assert not policy.host_allowed(b"name-%d.example" % number)
    assert len(caplog.messages) == MAX_LOGGED


def test_what_a_stranger_calls_himself_cannot_forge_a_line(policy, caplog):
    with caplog.at_level(logging.WARNING):
        policy.host_allowed(b"x\r\n2026 INFO fine\x1b[2J")
    assert "\n" not in caplog.messages[0]
    assert "\x1b" not in caplog.messages[0]
