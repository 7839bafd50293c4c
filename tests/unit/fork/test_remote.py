"""Asking a node that limits, fails or talks nonsense."""

import json
import math
import socket

import pytest

from devnet.errors import ConfigError
from devnet.fork import Remote, RemoteFault, RemoteSilentError
from tests.support.remote import passage_to


def answered(**members):
    return 200, json.dumps({"jsonrpc": "2.0", "id": 1, **members}).encode()


@pytest.fixture
def node():
    with passage_to("") as passage:
        passage.instead = lambda text: answered(result=json.loads(text)["params"])
        yield passage


def script(node, *answers):
    """Answer one after the other, the last one for ever; return what is slept meanwhile."""
    left = list(answers)
    node.instead = lambda text: left.pop(0) if len(left) > 1 else left[0]


@pytest.fixture
def remote_of():
    """Make a Remote of a node; it hangs up after the test."""
    made = []

    def make(node, slept=None, **options):
        made.append(Remote(node.url, sleep=(slept if slept is not None else []).append, **options))
        return made[-1]

    yield make
    for remote in made:
        remote.close()


def test_a_result_comes_back_as_json(node, remote_of):
    assert remote_of(node).ask("m", '["0x1",{"a":null}]') == b'["0x1",{"a":null}]'
    assert remote_of(node).call("m", 1, "x") == [1, "x"]


def test_headers_go_with_each_request(node, remote_of):
    remote = remote_of(node, headers=["Authorization: Bearer a:b", "X-Empty:"])
    assert remote.call("m") == []

    for wrong in ("no colon", ": nameless", "Split: a\r\nX: b"):
        with pytest.raises(ConfigError, match="--fork-header"):
            Remote(node.url, [wrong])


@pytest.mark.parametrize("url", ["localhost:8545", "ftp://host", "http://", "http://host:x"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(ConfigError, match="--fork-url"):
        Remote(url)


def test_what_fails_is_tried_again_later_each_time(node, remote_of):
    slept = []
    script(node, (500, b""), (502, b"bad gateway"), (503, b""), answered(result="0x1"))

    assert remote_of(node, slept).call("m") == "0x1"

    assert slept == [0.25, 0.5, 1.0]


def test_who_limits_is_given_the_time_that_it_wants(node, remote_of):
    slept = []
    script(
        node,
        (429, b"slow down"),
        answered(error={"code": -32005, "message": "limit"}),
        answered(error={"code": -32000, "message": "Your app has exceeded its compute units per second"}),
        answered(result="0x1"),
    )

    assert remote_of(node, slept).call("m") == "0x1"

    assert len(slept) == 3
    assert all(pause >= 0.25 for pause in slept)
    assert slept == sorted(slept)


def test_in_the_end_it_is_told_what_was_said_last(node, remote_of):
    script(node, (429, b"come back tomorrow"))

    with pytest.raises(RemoteSilentError, match="429 Too Many Requests: come back tomorrow"):
        remote_of(node).call("m")
    assert len(node.asked) == 5


def test_who_has_waited_long_enough_asks_no_more_and_was_told_why(node, remote_of):
    script(node, (429, b"come back tomorrow"))
    told = []

    with pytest.raises(RemoteSilentError) as silent:
        remote_of(node, retrying=told.append, patience_s=math.inf).call("m")
    assert len(told) == 4
    assert all("does not answer m (" in line and "come back tomorrow" in line for line in told)
    assert silent.value.hint == "check --fork-url"
    with pytest.raises(RemoteSilentError):
        remote_of(node, patience_s=0.0).call("m")
    assert len(node.asked) == 5 + 1


def test_a_dead_node_is_named_without_what_may_be_secret():
    remote = Remote("http://user:password@127.0.0.1:1/v2/KEY?key=SECRET", sleep=lambda _: None)

    with pytest.raises(RemoteSilentError) as caught:
        remote.call("eth_chainId")

    told = str(caught.value)
    assert "http://127.0.0.1:1 does not answer eth_chainId" in told
    assert not any(secret in told for secret in ("password", "KEY", "SECRET"))


def test_the_nodes_own_error_is_passed_on_at_once(node, remote_of):
    script(node, answered(error={"code": -32601, "message": "no such method", "data": {"a": 1}}))

    with pytest.raises(RemoteFault) as caught:
        remote_of(node).call("m")

    assert (caught.value.code, caught.value.message) == (-32601, "no such method")
    assert caught.value.data == b'{"a": 1}'
    assert len(node.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"jsonrpc":"2.0","id":1}', b"\xff"])
def test_what_is_no_json_rpc_is_no_answer(node, body, remote_of):
    script(node, (200, body))

    with pytest.raises(RemoteSilentError, match="does not speak JSON-RPC"):
        remote_of(node).call("m")


def test_a_refusal_without_json_is_told(node, remote_of):
    script(node, (401, b"no key"))

    with pytest.raises(RemoteSilentError, match="401 Unauthorized: no key"):
        remote_of(node).call("m")


def test_a_connection_that_was_closed_meanwhile_is_made_anew(node, remote_of):
    remote = remote_of(node, attempts=1)
    remote.call("m")
    remote._idle[0].sock.shutdown(socket.SHUT_RDWR)

    assert remote.call("m", 7) == [7]
