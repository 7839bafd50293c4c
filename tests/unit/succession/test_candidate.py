"""Candidates and a lease in one process: one leads at a time, and the one that has all that was ever shown."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import pytest

from devnet.succession import candidate as module
from devnet.succession.candidate import Candidate, CannotPromote
from devnet.succession.confirmations import Confirmations
from devnet.succession.in_sync import Candidates
from devnet.succession.lease import LeaseState, LeaseUnavailable
from devnet.sync import LogOffset
from devnet.sync.chain_rollback import ChainRollback
from devnet.sync.leadership import Leadership


class Desk:
    """Who gives out the lease, in memory. It never expires by itself here: `free` is what its end would be."""

    def __init__(self):
        self.term, self.holder, self.value, self.is_free, self.reserved = 0, "", b"", True, ""
        self.in_sync = ()
        self.changed = asyncio.Condition()
        self.silent = set()

    async def note(self):
        async with self.changed:
            self.changed.notify_all()

    async def free(self):
        self.is_free, self.reserved = True, ""
        await self.note()

    def state(self, node):
        may = self.is_free and self.reserved in ("", node)
        may = may and (not self.in_sync or node in (self.holder, *self.in_sync))
        return LeaseState(self.term, self.holder, may, self.value, self.in_sync)


class DeskLease:
    """One node's end of it (`Lease`)."""

    def __init__(self, desk, node):
        self.desk, self.node = desk, node

    def _answer(self):
        if self.node in self.desk.silent:
            raise LeaseUnavailable("nobody answers")
        return self.desk

    async def acquire(self, node, above=0):
        desk = self._answer()
        if not desk.state(node).is_free:
            return None
        desk.term = max(desk.term, above) + 1
        desk.holder, desk.value, desk.is_free = node, b"", False
        await desk.note()
        return desk.term

    async def renew(self, node, term, value, in_sync=()):
        desk = self._answer()
        if (desk.holder, desk.term) != (node, term) or desk.is_free:
            return False
        desk.in_sync = in_sync
        if value != desk.value:
            desk.value = value
            await desk.note()
        return True

    async def release(self, node, term, to=""):
        desk = self._answer()
        desk.is_free, desk.reserved = True, to
        await desk.note()
        return True

    async def watch(self, term):
        desk = self._answer()
        before = desk.value
        async with desk.changed:
            if term == desk.term and not desk.state(self.node).is_free:
                with_news = desk.changed.wait_for(
                    lambda: term != desk.term or desk.state(self.node).is_free or desk.value != before
                )
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(with_news, 0.2)
            return desk.state(self.node)


@dataclass
class Chain:
    """What a candidate leads and follows with (`candidate.Node`): a log that is a number."""

    name: str
    net: dict
    minis: int = 0
    rollbacks: int = 0
    term: int = 0
    mode: str = "idle"
    follows: str = ""
    promised: int = 0
    reachable: bool = True
    is_shown: bool = True
    deposed: bool = False
    waiting: list = field(default_factory=list)
    led: list = field(default_factory=list)
    made: list = field(default_factory=list)
    beginning: object = None

    def end(self):
        return LogOffset(self.minis, 0, self.rollbacks)

    def led_in(self, term):
        return self.led[-1:] == [term]

    def confirmations(self):
        made = Confirmations(self.end, lambda sealed: None, lambda position: None)
        self.made.append(made)
        return made

    async def succeed(self, term, confirmations):
        assert self.mode == "idle"
        self.mode, self.term = "leads", term
        self.rollbacks += 1
        self.led.append(term)
        # What the log thread does first.
        self.beginning = asyncio.ensure_future(asyncio.to_thread(confirmations.confirm, []))
        leadership = Leadership(term, self.name, bytes(20), f"http://{self.name}", bytes(65))
        return ChainRollback(self.rollbacks, self.minis, 0, bytes(65), leadership).encode()

    async def pause(self):
        self.mode = "idle"
        return self.is_shown

    async def go_on(self):
        self.mode = "leads"

    async def hand_over(self, leader):
        await self.follow_leader(leader)
        waiting, self.waiting = self.waiting, []
        return waiting

    async def follow_leader(self, leader):
        assert self.mode != "leads"
        self.mode, self.follows, self.term = "follows", leader.node, leader.term
        self.minis = min(self.minis, self.net[leader.node].minis)
        self.rollbacks = self.net[leader.node].rollbacks

    async def fence(self, term, needed, timeout_s):
        others = [chain for chain in self.net.values() if chain is not self and chain.reachable]
        for chain in others:
            chain.promised = max(chain.promised, term)
        return {chain.name: chain.end() for chain in others}

    def depose(self):
        self.deposed = True
        self.mode = "idle"


class Net:
    def __init__(self, disks, *names, is_strict=True):
        self.is_strict = is_strict
        self.desk, self.chains, self.sent = Desk(), {}, []
        self.candidates, self.tasks, self.disks, self.names = {}, {}, disks, names
        for name in names:
            self.chains[name] = Chain(name, self.chains)

    @property
    def made(self):
        return [one for chain in self.chains.values() for one in chain.made]

    def start(self, *names):
        for name in names or self.names:
            self.candidates[name] = Candidate(
                Candidates(name, self.names, self.disks, self.is_strict),
                DeskLease(self.desk, name),
                self.chains[name],
                self.send,
            )
            self.tasks[name] = asyncio.create_task(self.candidates[name].run())

    async def send(self, url, waiting):
        self.sent.append((url, waiting))

    def leaders(self):
        return [name for name, chain in self.chains.items() if chain.mode == "leads"]

    async def until_led_by(self, name):
        await until(lambda: self.leaders() == [name] and self.desk.holder == name and self.desk.value)
        return self.desk.term

    async def until_followed(self, name):
        await self.until_led_by(name)
        others = [chain for chain in self.chains.values() if chain.name != name]
        await until(lambda: all(chain.follows == name and chain.mode == "follows" for chain in others))

    def store(self, leader, *names):
        """These standbys have all that the leader has."""
        for name in names:
            self.candidates[leader].stored(name, self.chains[leader].end())


async def until(is_so, within_s=10.0):
    deadline = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.002)


def run(test):
    """Runs it on a loop; whatever candidates are still running are ended, and none of them may have failed."""

    async def body():
        nets = []

        def net(*given, **settings):
            nets.append(Net(*given, **settings))
            return nets[-1]

        try:
            await asyncio.wait_for(test(net), 30)
        finally:
            for one in nets:
                for confirmations in one.made:
                    confirmations.depose()  # a thread may wait for them
        for one in nets:
            for task in one.tasks.values():
                task.cancel()
            for outcome in await asyncio.gather(*one.tasks.values(), return_exceptions=True):
                assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome

    asyncio.run(body())


def test_who_is_given_the_lease_leads_and_the_others_follow():
    async def test(new_net):
        net = new_net(2, "a", "b", "c")
        net.start("a")
        assert await net.until_led_by("a") == 1
        net.start("b", "c")
        await net.until_followed("a")
        assert all(candidate.decided.is_set() for candidate in net.candidates.values())

    run(test)


def test_when_the_lease_is_free_another_one_leads_in_a_higher_term_after_it_has_promised_the_others_nothing():
    async def test(new_net):
        net = new_net(2, "a", "b", "c")
        net.start("a")
        await net.until_led_by("a")
        net.start("b")
        await until(lambda: net.chains["b"].follows == "a")
        net.chains["b"].term = 41  # of what its log knows
        net.tasks["a"].cancel()
        net.chains["a"].mode, net.chains["a"].reachable = "gone", False
        await net.desk.free()
        assert await net.until_led_by("b") == 42
        assert net.chains["c"].promised == 42

    run(test)


def test_who_stands_farther_leads_instead():
    async def test(new_net):
        net = new_net(2, "a", "b", "c")
        net.chains["c"].minis = 5
        net.desk.term = 1  # somebody led
        net.start("a")
        await until(lambda: net.desk.reserved == "c")
        assert net.leaders() == []
        net.start("b", "c")
        assert await net.until_led_by("c") > 1
        await net.until_followed("c")
        assert net.chains["a"].led == []

    run(test)


def test_nobody_leads_who_cannot_know_what_was_shown():
    """With three candidates and two disks one other must be asked; with three disks none, as each has all of it."""

    async def test(new_net):
        for disks, leads in [(2, False), (3, True)]:
            net = new_net(disks, "a", "b", "c")
            net.desk.term = 1  # somebody led
            for name in "bc":
                net.chains[name].reachable = False
            net.start("a")
            if leads:
                await net.until_led_by("a")
                continue
            await until(lambda net=net: net.desk.term > 2)
            assert net.chains["a"].led == []
            net.chains["c"].reachable = True
            await net.until_led_by("a")

    run(test)


def test_who_led_last_or_begins_a_chain_asks_nobody():
    async def test(new_net):
        net = new_net(2, "a", "b", "c")
        for name in "bc":
            net.chains[name].reachable = False
        net.start("a")
        assert await net.until_led_by("a") == 1
        net.tasks["a"].cancel()
        net.chains["a"].mode = "idle"
        await net.desk.free()
        net.start("a")
        assert await net.until_led_by("a") == 2
        # Another was given the lease meanwhile, whether it led or not.
        net.tasks["a"].cancel()
        net.chains["a"].mode = "idle"
        net.desk.term += 1
        await net.desk.free()
        net.start("a")
        await until(lambda: net.desk.term > 5)
        assert net.chains["a"].led == [1, 2]

    run(test)


def test_who_has_lost_the_lease_is_deposed_and_shows_nothing_more():
    async def test(new_net):
        net = new_net(1, "a", "b")
        net.start()
        leader = "a" if await asyncio.wait_for(_first_leader(net), 10) == "a" else "b"
        confirmations = net.candidates[leader]._lead.confirmations
        assert await asyncio.to_thread(confirmations.confirm, [])
        net.desk.silent.add(leader)
        # It can't be told, but what it was given is over by its own clock.
        await until(lambda: time.monotonic() > confirmations._valid_until)
        await net.desk.free()
        other = "b" if leader == "a" else "a"
        await until(lambda: net.desk.holder == other)
        confirmations.end(0.0)
        assert not await asyncio.to_thread(confirmations.confirm, [])
        confirmations.begin()
        net.desk.silent.clear()
        await until(lambda: net.chains[leader].deposed)
        await net.tasks[leader]
        assert await net.until_led_by(other) == 2

    run(test)


async def _first_leader(net):
    await until(net.leaders)
    return net.leaders()[0]


def test_a_leader_hands_over_with_what_waits_and_follows():
    async def test(new_net):
        net = new_net(2, "a", "b", "c")
        net.start("a")
        await net.until_led_by("a")
        net.start("b", "c")
        await net.until_followed("a")
        net.store("a", "b", "c")
        net.chains["a"].waiting = [b"one", b"two"]
        told = await net.candidates["a"].promote("b")
        assert (told["leader"], told["term"]) == ("b", 2)
        assert 0 <= told["pause_ms"] < 3000
        assert net.sent == [("http://b", [b"one", b"two"])]
        await net.until_followed("b")
        assert not net.chains["a"].deposed
        # And back, by who leads now.
        net.store("b", "a", "c")
        assert (await net.candidates["b"].promote("a"))["term"] == 3
        await net.until_followed("a")

    run(test)


def test_nobody_is_promoted_who_could_not_lead():
    async def test(new_net):
        net = new_net(2, "a", "b", "c")
        net.start("a")
        await net.until_led_by("a")
        net.start("b", "c")
        await net.until_followed("a")
        for leader, node, why in [
            ("a", "a", "none of b, c"),
            ("a", "full-node-1", "none of b, c"),
            ("a", "b", "does not follow"),
            ("b", "c", "does not lead"),
        ]:
            with pytest.raises(CannotPromote, match=why):
                await net.candidates[leader].promote(node)
        assert net.leaders() == ["a"]

    run(test)


def test_who_does_not_come_up_or_take_over_is_not_promoted_and_the_chain_goes_on(monkeypatch):
    monkeypatch.setattr(module, "HAND_OVER_S", 0.1)

    async def test(new_net):
        net = new_net(2, "a", "b")
        net.start("a")
        await net.until_led_by("a")
        net.start("b")
        await net.until_followed("a")
        net.store("a", "b")
        net.chains["a"].minis += 1
        with pytest.raises(CannotPromote, match="does not come up"):
            await net.candidates["a"].promote("b")
        assert net.leaders() == ["a"]
        net.store("a", "b")
        net.tasks["b"].cancel()
        with pytest.raises(CannotPromote, match="does not take over"):
            await net.candidates["a"].promote("b")
        net.chains["b"].mode = "gone"
        await net.desk.free()
        assert await net.until_led_by("a") > 1

    run(test)


def test_a_leader_whose_last_words_are_on_too_few_disks_begins_anew():
    async def test(new_net):
        net = new_net(2, "a", "b")
        net.start("a")
        await net.until_led_by("a")
        net.start("b")
        await net.until_followed("a")
        net.store("a", "b")
        net.chains["a"].is_shown = False
        with pytest.raises(CannotPromote, match="not on enough disks"):
            await net.candidates["a"].promote("b")
        assert net.chains["a"].deposed

    run(test)


# --- who is in sync ---------------------------------------------------------------------------------------


def shown(net, name):
    """Whether what the leader builds next is shown, as things stand."""
    net.chains[name].minis += 1
    return asyncio.to_thread(net.candidates[name]._lead.confirmations.confirm, [])


async def until_in_sync(net, *names):
    await until(lambda: net.desk.in_sync == names)


def gone(net, name):
    """The node dies, and the lease is free if it was its own."""
    net.tasks[name].cancel()
    net.chains[name].mode, net.chains[name].reachable = "gone", False


def test_a_leader_goes_on_alone_when_its_only_standby_is_gone_and_with_it_when_it_is_back():
    async def test(new_net):
        net = new_net(2, "a", "b", is_strict=False)
        net.start("a")
        await net.until_led_by("a")
        await until_in_sync(net, "a")
        assert await shown(net, "a")
        net.start("b")
        await until(lambda: net.chains["b"].follows == "a")
        net.store("a", "b")
        await until_in_sync(net, "a", "b")
        # From now on both must have it.
        waiting = asyncio.create_task(shown(net, "a"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        net.store("a", "b")
        assert await waiting
        # Until the standby has not come up for too long, and the lease knows.
        waiting = asyncio.create_task(shown(net, "a"))
        assert await asyncio.wait_for(waiting, 10)
        assert net.desk.in_sync == ("a",)

    run(test)


def test_a_standby_takes_over_alone_and_who_led_before_does_not_lead_again_until_it_has_everything():
    async def test(new_net):
        net = new_net(2, "a", "b", is_strict=False)
        net.start("a")
        await net.until_led_by("a")
        net.start("b")
        await until(lambda: net.chains["b"].follows == "a")
        net.store("a", "b")
        await until_in_sync(net, "a", "b")
        gone(net, "a")
        await net.desk.free()
        await net.until_led_by("b")
        await until_in_sync(net, "b")
        assert await shown(net, "b")
        # The new leader dies, too, before the other one has what was shown meanwhile.
        gone(net, "b")
        await net.desk.free()
        net.chains["a"].mode, net.chains["a"].reachable = "idle", True
        net.start("a")
        await asyncio.sleep(0.2)
        assert net.leaders() == []
        net.chains["b"].mode, net.chains["b"].reachable = "idle", True
        net.start("b")
        await net.until_led_by("b")
        assert net.chains["b"].minis == 1
        await until(lambda: net.chains["a"].follows == "b" and net.chains["a"].mode == "follows")
        net.chains["a"].minis = 1
        net.store("b", "a")
        await until_in_sync(net, "a", "b")
        gone(net, "b")
        await net.desk.free()
        await net.until_led_by("a")

    run(test)


def test_who_takes_over_counts_on_those_only_who_have_what_it_has():
    async def test(new_net):
        net = new_net(2, "a", "b", "c", is_strict=False)
        net.desk.term, net.desk.in_sync = 1, ("a", "b", "c")
        net.chains["a"].minis, net.chains["b"].minis = 5, 5
        net.start("a")
        await net.until_led_by("a")
        await until_in_sync(net, "a", "b")

    run(test)


def test_what_the_lease_may_not_know_yet_must_hold_either_way():
    """A renewal that is not answered may have been had: what is shown is on enough disks of both sets."""

    async def test(new_net):
        net = new_net(2, "a", "b", is_strict=False)
        net.start("a")
        await net.until_led_by("a")
        net.start("b")
        await until(lambda: net.chains["b"].follows == "a")
        net.store("a", "b")
        await until_in_sync(net, "a", "b")
        net.desk.silent.add("a")
        confirmations = net.candidates["a"]._lead.confirmations
        waiting = asyncio.create_task(shown(net, "a"))
        await until(lambda: confirmations.stragglers)
        confirmations.renewed(time.monotonic() + 1000)
        await asyncio.sleep(0.3)
        assert not waiting.done()
        assert net.desk.in_sync == ("a", "b")
        net.desk.silent.clear()
        assert await asyncio.wait_for(waiting, 10)
        assert net.desk.in_sync == ("a",)

    run(test)


def test_a_leader_whose_renewing_dies_ends_with_its_error():
    class Broken(DeskLease):
        async def renew(self, node, term, value, in_sync=()):
            if value:
                raise ValueError("a fault of ours")
            return await super().renew(node, term, value, in_sync)

    async def test(net):
        one = net(1, "a")
        candidate = Candidate(Candidates("a", ("a",), 1), Broken(one.desk, "a"), one.chains["a"], one.send)
        with pytest.raises(ValueError, match="a fault of ours"):
            await candidate.run()
        assert one.chains["a"].led == [1]

    run(test)
