"""What nodes tell each other of their logs, and how two that differ find each other."""

from dataclasses import replace

import pytest

from devnet._engine import SealedBlock, SealedMini
from devnet.roles.announcements import MAX_BYTES, MAX_DIGESTS, Announcement, Announcer, Comparison


def mini(number, index, record):
    return SealedMini(number, 1, index, 0, record, [])


def sealed_block(number):
    return SealedBlock(number, bytes(32), b"", [], b"")


def announced(records, node="full-node-1", block=1, first=0):
    made = []
    announcer = Announcer(node, lambda: "http://here", lambda: 0, made.append)
    announcer.note([mini(first + index, index, record) for index, record in enumerate(records)])
    announcer.note([sealed_block(block)])
    return made[0]


def records(count, **changed):
    return [changed.get(f"at_{index}", b"record %d" % index) for index in range(count)]


def test_an_announcement_survives_the_wire():
    one = announced(records(100))
    assert Announcement.decode(one.encode()) == one
    assert one.count == 100


def test_equal_logs_have_no_difference_and_different_ones_name_the_mini_block():
    mine = announced(records(100), first=1000)
    assert mine.first_difference(announced(records(100), "other", first=1000)) is None
    other = announced(records(100, at_42=b"another"), "other", first=1000)
    assert mine.first_difference(other) == range(1042, 1043)


def test_a_block_of_very_many_mini_blocks_fits_one_message():
    mine = announced(records(100_000))
    assert len(mine.digests) <= MAX_DIGESTS
    assert len(mine.encode()) <= MAX_BYTES
    other = announced(records(100_000, at_77777=b"another"), "other")
    assert 77_777 in mine.first_difference(other)


def test_a_block_whose_beginning_was_not_seen_is_not_announced():
    made = []
    announcer = Announcer("n", lambda: "", lambda: 0, made.append)
    announcer.note([mini(7, 7, b"x"), sealed_block(1), mini(8, 0, b"y"), sealed_block(2)])
    assert [one.block for one in made] == [2]


@pytest.mark.parametrize("first", ["own", "other"])
def test_a_difference_is_found_whoever_speaks_first(first):
    found = []
    comparison = Comparison(lambda own, other: found.append((own.node, other.node)))
    mine, other = announced(records(3), "me"), announced(records(3, at_1=b"?"), "other")
    steps = [lambda: comparison.own(mine), lambda: comparison.other(other)]
    for step in steps if first == "own" else reversed(steps):
        step()
    assert found == [("me", "other")]


def test_others_announcements_are_kept_within_bounds():
    comparison = Comparison(lambda own, other: pytest.fail("they do not differ"))
    for block in range(1000):
        comparison.other(replace(announced(records(1)), block=block, node="other"))
    comparison.own(announced(records(1), block=999))


@pytest.mark.parametrize(
    "change", [{"count": 7}, {"stride": 0}, {"block": -1}, {"digests": "00"}, {"hash": "0x"}]
)
def test_an_announcement_that_contradicts_itself_is_none(change):
    import orjson

    fields = orjson.loads(announced(records(3)).encode()) | change
    with pytest.raises(ValueError):
        Announcement.decode(orjson.dumps(fields))
