"""Standbys are given the log before all others, by the leader alone, and say what they have of it."""

import asyncio

import pytest

from devnet.sync import EntryKind, LogOffset, Refused
from devnet.sync.frames import Fence, Stored
from tests.support.chain_log import MemoryLog, sealed
from tests.support.sync_net import eventually

CANDIDATES = frozenset({"first", "second", "third"})


class Candidates:
    """`first` leads; `second` and `third` follow; `full` is a full node of all of them."""

    def __init__(self, net):
        self.net = net
        self.stored = {}

    async def node(self, name, log=None, peers=()):
        node = await self.net.node(
            name,
            "full-node",
            log,
            peers=peers,
            standbys=CANDIDATES,
            on_stored=lambda who, place: self.stored.setdefault(name, {}).update({who: place}),
        )
        return node

    async def all(self, length=20):
        first = await self.node("first", MemoryLog(length))
        second = await self.node("second", peers=["first"])
        third = await self.node("third", peers=["first", "second"])
        full = await self.node("full", peers=["first", "second", "third"])
        await self.lead("first", 1)
        return first, second, third, full

    async def lead(self, name, term):
        for node in self.net.nodes.values():
            node.led_by(name, term)
        await self.net.nodes[name].lead()

    def write(self, name, count=1):
        """The leader has something on its disk."""
        entries = self.net.logs[name].extend(count)
        self.net.nodes[name].write([sealed(entry) for entry in entries])
        return entries[-1].after

    def confirm(self, name):
        self.net.nodes[name].confirm(self.net.logs[name].end)

    async def at(self, end, *names):
        await eventually(
            lambda: all(self.net.logs[name].end == end for name in names), f"{names} to be at {end}"
        )

    async def has_stored(self, leader, who, place):
        await eventually(lambda: self.stored.get(leader, {}).get(who) == place, f"{who} to have {place}")


@pytest.fixture
def run(run):
    return lambda test: run(lambda net: test(net, Candidates(net)))


def test_standbys_have_what_is_written_and_others_what_is_confirmed(run):
    async def test(net, candidates):
        await candidates.all()
        confirmed = net.logs["first"].end
        candidates.confirm("first")
        await candidates.at(confirmed, "second", "third", "full")
        for _ in range(5):
            written = candidates.write("first", 7)
            await candidates.at(written, "second", "third")
            for who in ("second", "third"):
                await candidates.has_stored("first", who, written)
        assert net.logs["full"].end == confirmed
        candidates.confirm("first")
        await candidates.at(written, "full")
        # Whoever comes now is read the log from the disk, and no farther either.
        end = candidates.write("first", 7)
        await candidates.at(end, "second", "third")
        net.nodes["first"].forget_backlog()
        await candidates.node("late", peers=["first", "full"])
        await candidates.at(written, "late")
        await asyncio.sleep(0.1)
        assert {net.logs[name].end for name in ("full", "late")} == {written}
        candidates.confirm("first")
        await candidates.at(end, "full", "late")

    run(test)


def test_a_standby_follows_the_leader_and_nobody_else_and_feeds_nobody(run):
    async def test(net, candidates):
        first, second, third, full = await candidates.all()
        candidates.confirm("first")
        await candidates.at(net.logs["first"].end, "second", "third", "full")
        assert [node.status().path for node in (second, third, full)] == [
            ("first", "second"),
            ("first", "third"),
            ("first", "full"),
        ]
        assert second.standing().free == third.standing().free == 0
        # They take no place from full nodes.
        assert first.standing().free == net.nodes["first"]._settings.max_children - 1
        await net.kill("first")
        await eventually(lambda: not any(net.paths()), "data to come to nobody")
        await asyncio.sleep(0.3)
        assert not any(net.paths())
        await candidates.lead("second", 2)
        end = candidates.write("second", 10)
        candidates.confirm("second")
        await candidates.at(end, "third", "full")
        assert third.status().path == ("second", "third")

    run(test)


def test_who_has_promised_it_follows_nobody_of_an_earlier_term(run):
    async def test(net, candidates):
        first, second, third, _ = await candidates.all()
        candidates.confirm("first")
        await candidates.at(net.logs["first"].end, "second", "third")
        await second.halt()
        stands = await second.fence(2, 2, 5)
        # The first has been asked, too: it does not know yet that it is deposed.
        assert stands == {name: net.logs[name].end for name in ("first", "third")}
        end = net.logs["third"].end
        candidates.write("first", 10)
        await asyncio.sleep(0.3)
        assert net.logs["third"].end == end
        assert third.status().path == ()
        # Of an earlier term than that nothing is promised any more.
        assert await first.fence(1, 1, 5) == {}
        third.led_by("second", 2)
        await second.lead()
        end = candidates.write("second", 10)
        await candidates.at(end, "third")
        await candidates.has_stored("second", "third", end)

    run(test)


def test_who_cannot_be_asked_promises_nothing(run):
    async def test(net, candidates):
        _, second, _, _ = await candidates.all()
        await net.kill("third")
        await net.kill("first")
        assert await second.fence(2, 1, 0.3) == {}

    run(test)


def test_what_is_being_applied_is_on_disk_when_the_promise_is_given(run):
    async def test(net, candidates):
        _, second, third, _ = await candidates.all()
        candidates.confirm("first")
        await candidates.at(net.logs["first"].end, "second", "third")
        net.logs["third"].hold.clear()
        end = candidates.write("first", 1)
        await candidates.at(end, "second")
        await eventually(lambda: third._follower._in_work, "something to be in work")
        asked = asyncio.create_task(second.fence(2, 2, 5))
        await asyncio.sleep(0.1)
        assert not asked.done()
        net.logs["third"].hold.set()
        assert (await asked)["third"] == end
        # Who led before is not told.
        await asyncio.sleep(0.1)
        assert candidates.stored["first"].get("third") != end

    run(test)


def test_nobody_but_a_candidate_is_asked_or_believed(run):
    async def test(net, candidates):
        first, _, _, full = await candidates.all()
        candidates.confirm("first")
        await candidates.at(net.logs["first"].end, "full")
        [session] = [one for one in full._mesh.sessions if one.name.node == "first"]
        session.send(Stored(net.logs["full"].end))
        session.send(Fence(9))
        await asyncio.sleep(0.2)
        assert "full" not in candidates.stored["first"]
        assert first._fences._promised == 0
        with pytest.raises(ValueError, match="no candidate"):
            await full.fence(9, 1, 0.1)

    run(test)


class Led(MemoryLog):
    """A log after a succession."""

    def __init__(self, length, succession):
        super().__init__(length, LogOffset(0, 0, 1))
        self.succession = succession

    def find(self, kind, number):
        assert (kind, number) == (EntryKind.ROLLBACK, 1)
        return self.succession

    def recheck(self, entry):
        if entry.kind is EntryKind.ROLLBACK and entry.record != self.succession:
            raise Refused("order", "it is not what stands at its place", entry, self.succession)


@pytest.mark.parametrize("other", [b"first's", b"second's"])
def test_what_a_standby_has_of_another_leader_counts_for_nothing(run, other):
    """Its log ends where the leader's does, which tells nothing: they are compared by who they say leads."""

    async def test(net, candidates):
        await candidates.node("first", Led(20, b"first's"))
        await candidates.node("second", Led(20, other), peers=["first"])
        await candidates.lead("first", 1)
        if other == b"first's":
            await candidates.has_stored("first", "second", net.logs["second"].end)
            assert not net.refused
        else:
            await eventually(lambda: net.refused, "the other succession to be refused")
            assert {(name, source) for name, source, _ in net.refused} == {("second", "first")}
            assert candidates.stored == {}

    run(test)
