"""A supervisor whose nodes may take over from each other; what leads is a stand-in that holds the lease."""

import os
import signal
import time

import pytest

from devnet.errors import UserError
from devnet.supervision.control import ask
from tests.integration.devnet.test_supervisor import eventually, gone, supervise  # noqa: F401

TAKEOVER_S = 1.0


@pytest.fixture
def candidates(supervise):  # noqa: F811
    """Start one with a standby, and wait until it is ready."""

    def start(standbys=1, manner="plain"):
        running = supervise(manner, "--standby", str(standbys))
        running.until("ready")
        return running

    return start


def led_by(running):
    return running.session.leader, running.session.term


def process(running, name):
    return running.session.node(name).process


def stop(running):
    running.process.send_signal(signal.SIGTERM)
    running.until("stopped")
    running.finish()


def test_ready_means_that_a_node_leads_and_a_new_devnet_is_led_by_its_sequencer(candidates):
    running = candidates()
    assert led_by(running) == ("sequencer", 1)
    assert running.session.rpc_urls == tuple(
        running.session.node(name).endpoints["http"] for name in ("sequencer", "standby-1")
    )


def test_another_takes_over_within_a_second_when_the_leader_is_killed_which_comes_back(candidates):
    running = candidates()
    before = process(running, "sequencer")
    began = time.monotonic()
    os.kill(before.pid, signal.SIGKILL)
    eventually(lambda: led_by(running) == ("standby-1", 2))
    assert time.monotonic() - began < TAKEOVER_S
    assert running.session.rpc_url == running.session.node("standby-1").endpoints["http"]
    eventually(
        lambda: (
            process(running, "sequencer") != before and running.session.node("sequencer").state == "running"
        )
    )
    assert led_by(running) == ("standby-1", 2)


def test_a_leader_that_stands_still_is_no_leader_any_more_and_hears_so_when_it_wakes_up(candidates):
    running = candidates()
    stalled = process(running, "sequencer")
    os.kill(stalled.pid, signal.SIGSTOP)
    try:
        eventually(lambda: led_by(running) == ("standby-1", 2))
    finally:
        os.kill(stalled.pid, signal.SIGCONT)
    eventually(lambda: gone(stalled.pid))  # it begins anew
    assert led_by(running) == ("standby-1", 2)


def test_who_led_last_is_started_first_and_leads_with_a_new_term(candidates):
    running = candidates()
    os.kill(process(running, "sequencer").pid, signal.SIGKILL)
    eventually(lambda: led_by(running) == ("standby-1", 2))
    stop(running)
    running = candidates()
    assert led_by(running)[0] == "standby-1"
    assert led_by(running)[1] > 2
    assert [node.name for node in running.session.nodes] == ["standby-1", "sequencer"]


def test_nobody_takes_over_while_the_devnet_stops(candidates):
    running = candidates()
    stop(running)
    assert led_by(candidates())[0] == "sequencer"


def test_a_devnet_that_a_standby_led_last_does_not_go_on_without_it(candidates, supervise):  # noqa: F811
    running = candidates()
    os.kill(process(running, "sequencer").pid, signal.SIGKILL)
    eventually(lambda: led_by(running) == ("standby-1", 2))
    stop(running)
    refused = supervise("plain", "--standby", "0").until("error")
    assert "standby-1 led this devnet last" in refused["what"]
    assert "--standby 1" in refused["hint"]


def test_a_devnet_that_its_sequencer_led_last_goes_on_under_a_lease_without_standbys(candidates, supervise):  # noqa: F811
    stop(candidates())
    running = supervise("plain", "--standby", "0")
    running.until("ready")
    assert led_by(running) == ("sequencer", 2)
    os.kill(process(running, "sequencer").pid, signal.SIGKILL)
    eventually(lambda: led_by(running) == ("sequencer", 3))


def test_it_is_said_when_nobody_is_left_who_may_lead(candidates):
    running = candidates()
    for name in ("sequencer", "standby-1"):
        ask(running.session, "stop-node", name)
    said = running.until("trouble")["message"]
    while "stands still" not in said:
        said = running.until("trouble")["message"]
    assert "sequencer, standby-1" in said
    ask(running.session, "start-node", "standby-1")
    eventually(lambda: led_by(running)[0] == "standby-1")


def test_a_standby_cannot_be_added_to_a_devnet_that_runs(candidates):
    with pytest.raises(UserError, match="is given no standby"):
        ask(candidates().session, "add", role="standby")
