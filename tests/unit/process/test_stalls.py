"""A write that hangs is noticed by somebody who doesn't."""

import threading

import pytest

from devnet.stalls import Stalls


def test_what_hangs_is_told_once_and_again_when_it_goes_on():
    stalls, said, going_on, waiting = Stalls(too_long_s=0), [], threading.Event(), threading.Event()

    def hang():
        with stalls.watched("writing the chain log"):
            waiting.set()
            going_on.wait()

    thread = threading.Thread(target=hang)
    thread.start()
    waiting.wait()
    stalls.look(said.append)
    stalls.look(said.append)
    assert len(said) == 1
    assert said[0].startswith("writing the chain log has been waiting")
    going_on.set()
    thread.join()
    stalls.look(said.append)
    assert len(said) == 2
    assert said[1].startswith("writing the chain log goes on")


def test_what_takes_its_time_is_nobodys_business():
    stalls, said = Stalls(too_long_s=3600), []
    with stalls.watched("writing the snapshot"):
        stalls.look(said.append)
    stalls.look(said.append)
    assert said == []


def test_a_write_that_fails_is_over():
    stalls, said = Stalls(too_long_s=0), []
    with pytest.raises(ZeroDivisionError), stalls.watched("writing the snapshot"):
        1 / 0  # noqa: B018
    stalls.look(said.append)
    assert said == []
