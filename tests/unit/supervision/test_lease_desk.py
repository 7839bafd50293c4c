"""The lease over the control socket: a candidate's end of it, and the supervisor's, whose main thread does nothing."""

import asyncio
import json
import time

import pytest

from devnet.succession.control_lease import SCHEME, ControlLease
from devnet.succession.lease import TTL_S, LeaseState, LeaseUnavailable
from devnet.supervision.control import ControlServer
from devnet.supervision.lease_desk import LeaseDesk, Led

TOKEN = "t" * 32
CANDIDATES = ("sequencer", "standby-1", "standby-2")
SOON_S = 0.3
"""Longer than an answer takes, and shorter than the lease lasts."""


class Office:
    """A control socket with a desk, and nobody behind it."""

    def __init__(self, directory):
        self.directory = directory
        self.led = []
        self.others = []
        self.deaths = []
        self.open()

    def open(self):
        self.desk = LeaseDesk(self.directory, CANDIDATES, self.led.append, fsync=False)
        self.server = ControlServer(TOKEN, self.others.append, self.deaths.append, self.desk)

    def lease(self, node, token=TOKEN):
        return ControlLease.of(f"{SCHEME}://{self.server.HOST}:{self.server.port}", token, node)


@pytest.fixture
def office(tmp_path):
    made = Office(tmp_path)
    made.desk.others_may()
    yield made
    made.server.close()
    for watcher in made.desk._watchers:
        watcher.command.reply({})  # which closes the connection
    assert not made.deaths


@pytest.fixture
def nodes(office):
    """The three candidates' ends; the first has led."""

    async def lead():
        first = office.lease("sequencer")
        assert await first.acquire("sequencer") == 1

    asyncio.run(lead())
    return [office.lease(name) for name in CANDIDATES]


async def in_time(watching, seconds=SOON_S):
    return await asyncio.wait_for(watching, seconds)


def test_one_holds_it_and_the_others_learn_who_and_how_the_log_goes_on(office, nodes):
    async def run():
        first, second, _ = nodes
        assert await second.acquire("standby-1") is None
        assert await first.renew("sequencer", 1, b"leadership")
        assert not await second.renew("standby-1", 1, b"")
        assert await second.watch(0) == LeaseState(1, "sequencer", False, b"leadership")

    asyncio.run(run())
    assert office.led == [Led("sequencer", 1)]


def test_who_watches_is_told_when_the_holder_is_silent_for_the_leases_time(nodes):
    async def run():
        first, second, _ = nodes
        await first.renew("sequencer", 1, b"")
        began = time.monotonic()
        state = await nodes[1].watch(1)
        assert state.is_free
        assert TTL_S - 0.1 < time.monotonic() - began < TTL_S + 0.4
        assert await second.acquire("standby-1") == 2

    asyncio.run(run())


def test_who_watches_is_told_at_once_when_the_holders_process_ends(office, nodes):
    async def run():
        watching = asyncio.ensure_future(nodes[1].watch(1))
        await asyncio.sleep(0.05)
        assert not watching.done()
        await asyncio.to_thread(office.desk.ended, "sequencer")
        assert (await in_time(watching)).is_free

    asyncio.run(run())


def test_who_watches_is_told_of_a_new_term_and_of_a_new_value(nodes):
    async def run():
        first, second, third = nodes
        watching = asyncio.ensure_future(third.watch(1))
        await asyncio.sleep(0.05)
        await first.renew("sequencer", 1, b"one")
        assert (await in_time(watching)).value == b"one"
        watching = asyncio.ensure_future(third.watch(1))
        await asyncio.sleep(0.05)
        await first.release("sequencer", 1, "standby-1")
        assert await second.acquire("standby-1") == 2
        assert await in_time(watching) == LeaseState(2, "standby-1", False, b"")

    asyncio.run(run())


def test_what_is_kept_for_one_is_free_for_nobody_else(nodes):
    async def run():
        first, second, third = nodes
        watching = asyncio.ensure_future(third.watch(1))
        await first.release("sequencer", 1, "standby-1")
        assert (await second.watch(1)).is_free
        await asyncio.sleep(0.05)
        assert not watching.done()
        assert await third.acquire("standby-2") is None
        watching.cancel()

    asyncio.run(run())


def test_who_is_not_in_sync_is_told_that_it_is_not_free_for_him(office, nodes):
    async def run():
        first, second, third = nodes
        assert await first.renew("sequencer", 1, b"one", ("sequencer", "standby-2"))
        await asyncio.to_thread(office.desk.ended, "sequencer")
        state = await second.watch(0)
        assert (state.is_free, state.in_sync) == (False, ("sequencer", "standby-2"))
        assert await second.acquire("standby-1") is None
        assert await third.acquire("standby-2") == 2
        with pytest.raises(LeaseUnavailable, match="may not lead"):
            await third.renew("standby-2", 2, b"", ("full-node-1",))

    asyncio.run(run())


def test_terms_go_on_after_a_restart_and_who_led_last_leads_first(office, nodes):
    async def run():
        await nodes[0].release("sequencer", 1, "standby-2")
        assert await nodes[2].acquire("standby-2") == 2
        await nodes[2].renew("standby-2", 2, b"leadership")
        office.server.close()
        office.open()
        assert (office.desk.given.holder, office.desk.given.term) == ("standby-2", 2)
        assert await office.lease("standby-1").acquire("standby-1") is None
        assert await office.lease("standby-2").acquire("standby-2") == 3

    asyncio.run(run())


def test_nothing_is_given_out_any_more_when_the_devnet_stops(office, nodes):
    async def run():
        watching = asyncio.ensure_future(nodes[1].watch(1))
        office.desk.close()
        office.desk.ended("sequencer")
        assert await nodes[1].acquire("standby-1") is None
        await asyncio.sleep(0.05)
        assert not watching.done()
        watching.cancel()

    asyncio.run(run())


def test_a_full_disk_gives_nothing_out_and_says_so(office):
    office.desk._book._keep = lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device"))

    async def run():
        with pytest.raises(LeaseUnavailable, match="No space left"):
            await office.lease("sequencer").acquire("sequencer")

    asyncio.run(run())


def test_who_is_no_candidate_or_does_not_know_the_token_gets_nothing(office):
    async def run():
        with pytest.raises(LeaseUnavailable, match="full-node-1 may not lead"):
            await office.lease("full-node-1").acquire("full-node-1")
        with pytest.raises(LeaseUnavailable):
            await office.lease("sequencer", "another").acquire("sequencer")
        with pytest.raises(LeaseUnavailable):
            await office.lease("sequencer").renew("sequencer", 1, b"x" * 5_000)

    asyncio.run(run())
    assert office.desk.given.term == 0


@pytest.mark.parametrize("options", [{}, {"above": "x"}, {"above": None}, {"term": 1, "value": "z"}])
@pytest.mark.parametrize("command", ["lease-acquire", "lease-renew", "lease-release", "lease-watch"])
def test_nonsense_is_refused_and_the_desk_goes_on(office, command, options):
    async def run():
        lease = office.lease("sequencer")
        request = {"token": TOKEN, "command": command, "node": "sequencer", "options": options}
        if (command, options.get("term")) != ("lease-watch", 1):
            assert b"error" in await in_time(lease._exchange(json.dumps(request).encode() + b"\n"))
        assert await lease.acquire("sequencer") == 1

    asyncio.run(run())


def test_whoever_cannot_be_reached_or_is_another_is_unavailable(office):
    office.server.close()

    async def run():
        with pytest.raises(LeaseUnavailable, match="does not answer"):
            await ControlLease("127.0.0.1", 1, TOKEN, "sequencer").acquire("sequencer")

    asyncio.run(run())
    for address in ("etcd://127.0.0.1:1", "control://", "", "control://127.0.0.1"):
        with pytest.raises(ValueError, match="no address"):
            ControlLease.of(address, TOKEN, "sequencer")


def test_a_supervisor_that_stands_still_is_unavailable_before_the_lease_is_over():
    async def run():
        async def silent(reader, writer):
            await reader.read()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            began = time.monotonic()
            with pytest.raises(LeaseUnavailable, match="has not answered"):
                await ControlLease("127.0.0.1", port, TOKEN, "sequencer").renew("sequencer", 1, b"")
            assert time.monotonic() - began < TTL_S + 0.3

    asyncio.run(run())


def test_other_commands_are_still_the_supervisors(office):
    async def run():
        lease = office.lease("sequencer")
        request = {"token": TOKEN, "command": "status", "node": None}
        asking = asyncio.ensure_future(lease._exchange(json.dumps(request).encode() + b"\n"))
        while not office.others:
            await asyncio.sleep(0.01)
        office.others[0].reply({"ok": True})
        assert json.loads(await asking) == {"ok": True}

    asyncio.run(run())
