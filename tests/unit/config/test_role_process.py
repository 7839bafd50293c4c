"""Small parts of running a role: the words for an exit."""

import signal

from devnet.supervision.process import describe_exit


def test_an_exit_is_put_in_words():
    assert describe_exit(-signal.SIGKILL) == "was killed by SIGKILL"
    assert describe_exit(2) == "ended with exit code 2"
    assert describe_exit(-99) == "was killed by signal 99"
