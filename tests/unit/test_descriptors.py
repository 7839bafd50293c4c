"""Files and sockets are limited together: the store has its share first."""

import resource
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from devnet.descriptors import LEAST, OTHERS, STORE, divide, share_out


def test_where_there_is_enough_everybody_gets_what_he_wants():
    shares = divide(OTHERS + STORE + 1_024, 1_024)
    assert (shares.store, shares.connections) == (STORE, 1_024)


def test_a_limit_of_1024_leaves_the_store_as_much_as_the_clients():
    shares = divide(1_024, 1_024)
    assert (shares.store, shares.connections) == (384, 384)


def test_what_few_connections_leave_is_the_stores():
    assert divide(1_024, 100).store == 1_024 - OTHERS - 100


@given(st.integers(2 * LEAST + OTHERS, 10_000), st.integers(1, 10_000))
def test_nothing_is_promised_twice(limit, connections):
    shares = divide(limit, connections)
    assert shares.store + shares.connections + OTHERS <= limit
    assert 0 < shares.connections <= connections
    assert LEAST <= shares.store <= STORE


def in_a_process(soft, hard, connections):
    """What a process whose limits are these makes of them."""
    code = (
        "import resource; from devnet.descriptors import share_out\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
        f"shares = share_out({connections})\n"
        "print(shares.store, shares.connections, shares.limit, resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return tuple(map(int, done.stdout.split()))


def test_the_soft_limit_is_raised_to_what_is_needed_and_no_further():
    needed = 100 + STORE + OTHERS
    assert in_a_process(256, needed + 500, 100) == (STORE, 100, needed, needed)


def test_the_hard_limit_holds():
    assert in_a_process(256, 1_024, 1_024) == (384, 384, 1_024, 1_024)


def test_a_limit_that_is_high_already_stays():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    share_out(1)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(before[0], STORE + OTHERS + 1)
