"""What a reset is asked for, and which forks a chain can be taken back to."""

import pytest

from devnet.roles.reset import Forking, forking_of, require_own
from devnet.rpc.errors import RpcFault

HERE = Forking("http://remote/key", 7)


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (None, None),
        ({}, Forking()),
        ({"forking": None}, Forking()),
        ({"forking": {}}, Forking()),
        ({"forking": {"jsonRpcUrl": "http://other", "blockNumber": "0x10"}}, Forking("http://other", 16)),
        ({"forking": {"blockNumber": 16}}, Forking(None, 16)),
    ],
)
def test_options_are_read_as_anvil_reads_them(options, asked):
    assert forking_of(options) == asked


@pytest.mark.parametrize(
    "options",
    [
        7,
        [],
        {"forking": "latest"},
        {"forking": {"jsonRpcUrl": 1}},
        {"forking": {"blockNumber": "latest"}},
        {"forking": {"blockNumber": True}},
        {"forking": {"blockNumber": -1}},
        {"forking": {"blockNumber": "0x"}},
        {"forking": {"blockNumber": "0x1" + "0" * 16}},
    ],
)
def test_other_options_are_refused(options):
    with pytest.raises(RpcFault) as refused:
        forking_of(options)
    assert refused.value.code == -32602


@pytest.mark.parametrize("asked", [HERE, Forking(None, 7), Forking("http://remote/key/", 7)])
def test_a_fork_can_be_taken_back_to_its_own_block(asked):
    require_own(asked, HERE)


@pytest.mark.parametrize(
    ("asked", "own", "why"),
    [
        (
            Forking(None, 8),
            HERE,
            "forked at block 7 of that remote. For another: megaeth devnet up --reset --fork-url URL --fork-block 8$",
        ),
        (Forking(HERE.url), HERE, "block 7 of that remote. .* --fork-url http://remote/key$"),
        (Forking("http://x/a b", 7), HERE, "of another remote. .* --fork-url 'http://x/a b' --fork-block 7"),
        (Forking("http://x"), None, "this one was not forked. .* --fork-url http://x$"),
        (Forking(None, 7), None, "Forking not enabled and RPC URL not provided"),
    ],
)
def test_another_fork_is_refused_with_the_command_for_it(asked, own, why):
    with pytest.raises(RpcFault, match=why):
        require_own(asked, own)
