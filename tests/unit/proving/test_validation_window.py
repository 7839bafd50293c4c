"""A validator's blocks: none is left out, not too many at a time, and what is wrong ends it."""

import threading

from devnet.proving.validation_window import ValidationWindow


def window(validated=0, newest=0, span=4):
    made = ValidationWindow(validated, span)
    if newest:
        made.extend(newest)
    return made


def taken(made, count):
    return [made.take() for _ in range(count)]


def numbers(turns):
    return [turn.number for turn in turns]


def idle(made):
    """Whether a worker would wait now."""
    found = []
    worker = threading.Thread(target=lambda: found.append(made.take()))
    worker.start()
    worker.join(0.05)
    waits = worker.is_alive()
    made.close()
    worker.join()
    return waits and found == [None]


def test_the_height_follows_without_a_gap_whatever_the_order():
    made = window(validated=10, newest=13)
    first, second, third = taken(made, 3)
    assert numbers([first, second, third]) == [11, 12, 13]
    assert not made.done(third)
    assert not made.done(second)
    assert made.validated == 10
    assert made.done(first)
    assert made.validated == 13


def test_no_block_is_begun_that_is_too_far_ahead():
    made = window(newest=100, span=3)
    first, *_ = taken(made, 3)
    assert made.done(first)
    assert made.take().number == 4
    assert idle(made)


def test_a_worker_waits_for_blocks_that_are_not_there_yet():
    made = window()
    found = []
    worker = threading.Thread(target=lambda: found.append(made.take().number))
    worker.start()
    made.extend(1)
    worker.join()
    assert found == [1]
    assert idle(made)


def test_what_could_not_be_checked_comes_again():
    made = window(newest=2)
    first, second = taken(made, 2)
    made.later(first)
    assert not made.done(second)
    again = made.take()
    assert again == first
    assert made.done(again)
    assert made.validated == 2


def test_behind_what_is_wrong_nothing_is_looked_at_and_before_it_all_is():
    made = window(newest=100, span=4)
    turns = taken(made, 4)
    assert made.refuse(turns[2])
    assert not made.refuse(turns[3])
    assert not made.refuse(turns[2])
    made.later(turns[3])
    made.later(turns[0])
    assert made.done(made.take())
    assert made.done(turns[1])
    assert (made.validated, made.refused) == (2, 3)
    assert idle(made)


def test_what_is_wrong_earlier_counts_too():
    made = window(newest=100, span=4)
    turns = taken(made, 4)
    assert made.refuse(turns[3])
    assert made.refuse(turns[1])
    assert made.refused == 2


def test_what_comes_in_the_place_of_blocks_that_were_given_up_is_looked_at():
    made = window(newest=4)
    turns = taken(made, 4)
    assert made.done(turns[0])
    assert made.done(turns[1])
    assert made.refuse(turns[2])
    made.rewind(1)
    assert (made.validated, made.refused, made.newest) == (1, None, 1)
    made.extend(2)
    assert not made.done(turns[3]), "it was checked of another chain"
    made.later(turns[3])
    assert not made.refuse(turns[3])
    assert made.done(made.take())
    assert made.validated == 2
    assert idle(made)


def test_nothing_counts_when_it_is_over():
    made = window(newest=1)
    turn = made.take()
    made.close()
    assert made.closed
    assert made.take() is None
    assert not made.done(turn)
    assert not made.refuse(turn)
    assert made.validated == 0
