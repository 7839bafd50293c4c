"""The supervisor with real processes whose role is a stand-in: what it starts, notices, tells and stops."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devnet.errors import NotRunningError, UnavailableError, UserError
from devnet.lock import DataDirLock
from devnet.session import health, read_session, start_time
from devnet.supervision import control
from devnet.supervision.control import MAX_STRANGERS, ask
from megaeth_cli.commands.devnet import stopping

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 30.0


class Running:
    """A supervisor in a process of its own, and what it says."""

    def __init__(self, root, manner, *nodes):
        self.root = root
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.integration.devnet.supervise", str(root), manner, *nodes],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    @property
    def session(self):
        return read_session(self.root / "session.json")

    def until(self, event):
        """The next event of that name; all before it are skipped."""
        for line in self.process.stdout:
            said = json.loads(line)
            if said["event"] == event:
                return said
        pytest.fail(f"the supervisor ended without saying {event}")

    def finish(self):
        """The exit code, once it is gone."""
        code = self.process.wait(PATIENCE_S)
        self.process.stdout.close()
        return code


@pytest.fixture
def supervise(tmp_path):
    """Start a supervisor; whatever is left of it at the end is killed."""
    started = []

    def start(manner="plain", *nodes, root=tmp_path / "net"):
        started.append(Running(root, manner, *nodes))
        return started[-1]

    yield start
    for running in started:
        with contextlib.suppress(OSError):
            running.process.kill()
        running.process.wait()
        running.process.stdout.close()


def eventually(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def gone(pid):
    # A zombie that nobody has reaped yet counts as gone.
    return start_time(pid) is None


def test_ready_means_that_every_process_answers_its_health_check(supervise):
    running = supervise("slow", "one:essential", "two:optional")
    ready = running.until("ready")
    assert set(ready["nodes"]) == {"one", "two"}
    for node in ready["nodes"].values():
        assert health(node["url"]) == {"height": 7, "mini_block": 700}
    session = running.session
    assert session.state == "running"
    assert session.healthy
    assert [node.name for node in session.nodes] == ["one", "two"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything_in_order_and_leaves_no_session(supervise, number):
    running = supervise("plain", "one:essential", "two:essential")
    nodes = running.until("ready")["nodes"]
    running.process.send_signal(number)
    running.until("stopped")
    assert running.finish() == 0
    assert all(gone(node["pid"]) for node in nodes.values())
    assert running.session is None
    assert not (running.root / "session.json").exists()
    assert "two stops" in (running.root / "logs" / "two.log").read_text()


def test_a_process_that_does_not_stop_is_killed_and_said_so(supervise):
    running = supervise("deaf")
    pid = running.until("ready")["nodes"]["sequencer"]["pid"]
    running.process.send_signal(signal.SIGINT)
    assert "killed" in running.until("trouble")["message"]
    running.until("stopped")
    assert gone(pid)


def test_the_users_error_of_a_role_reaches_the_user_in_its_own_words(supervise):
    running = supervise("refuse")
    error = running.until("error")
    assert (error["what"], error["why"], error["hint"]) == (
        "port 1 is in use",
        "another process listens there",
        "choose another",
    )
    assert running.finish() == 1


def test_a_role_that_crashes_at_start_is_reported_with_its_last_words(supervise):
    running = supervise("crash")
    error = running.until("error")
    assert "exit code 1" in error["what"]
    assert "out of luck" in error["why"]
    assert "megaeth devnet logs sequencer" in error["hint"]


def test_when_one_node_cannot_start_those_already_up_are_stopped(supervise):
    running = supervise("plain", "one:essential", "refuse:essential")
    assert running.until("error")["what"] == "port 1 is in use"
    assert "one stops" in (running.root / "logs" / "one.log").read_text()
    assert running.finish() == 1


def test_killing_an_essential_node_ends_the_devnet_and_says_how_it_died(supervise):
    running = supervise("plain", "sequencer:essential", "two:essential")
    nodes = running.until("ready")["nodes"]
    os.kill(nodes["sequencer"]["pid"], signal.SIGKILL)
    error = running.until("error")
    assert "sequencer" in error["what"]
    assert "SIGKILL" in error["what"]
    assert running.finish() == 1
    assert gone(nodes["two"]["pid"])
    assert running.session is None


def test_an_optional_node_that_dies_comes_back_on_its_port(supervise):
    running = supervise("plain", "sequencer:essential", "two:optional")
    before = running.until("ready")["nodes"]["two"]
    os.kill(before["pid"], signal.SIGKILL)
    assert "SIGKILL" in running.until("trouble")["message"]

    def back():
        node = running.session.nodes[1]
        return node.process.pid != before["pid"] and health(node.endpoints["http"]) is not None

    eventually(back)
    assert running.session.nodes[1].endpoints["http"] == before["url"]


def test_an_optional_node_that_keeps_dying_stays_down_and_the_rest_goes_on(supervise):
    running = supervise("plain", "sequencer:essential", "two:optional")
    running.until("ready")
    killed = set()
    while True:
        eventually(lambda: running.session.nodes[1].process.pid not in killed)
        pid = running.session.nodes[1].process.pid
        os.kill(pid, signal.SIGKILL)
        killed.add(pid)
        if "stays down" in running.until("trouble")["message"]:
            break
    assert health(running.session.rpc_url) is not None


def test_no_process_outlives_a_killed_supervisor_and_its_data_directory_is_free_again(supervise):
    running = supervise("plain", "one:essential", "two:optional")
    nodes = running.until("ready")["nodes"]
    running.process.kill()
    eventually(lambda: all(gone(node["pid"]) for node in nodes.values()))
    assert running.session is None
    DataDirLock(running.root / "data", PATIENCE_S).release()


def test_a_deaf_process_does_not_outlive_a_killed_supervisor_either(supervise):
    running = supervise("deaf")
    pid = running.until("ready")["nodes"]["sequencer"]["pid"]
    running.process.kill()
    eventually(lambda: gone(pid))


def test_a_second_devnet_on_the_same_data_is_refused_with_the_pid_that_holds_it(supervise):
    first = supervise()
    first.until("ready")
    second = supervise()
    error = second.until("error")
    assert "already running" in error["what"]
    assert str(first.process.pid) in error["why"]
    assert health(first.session.rpc_url) is not None


def test_a_devnet_that_is_going_away_is_waited_for(supervise):
    first = supervise("deaf")
    first.until("ready")
    first.process.send_signal(signal.SIGTERM)
    first.until("stopping")
    second = supervise()
    assert second.until("ready")["state"] == "running"


def test_a_session_left_by_a_killed_supervisor_is_in_nobodys_way(supervise):
    first = supervise()
    first.until("ready")
    first.process.kill()
    second = supervise()
    second.until("ready")
    assert second.session.supervisor.pid == second.process.pid


def test_whoever_has_the_token_may_stop_it_and_returns_when_it_is_gone(supervise):
    running = supervise()
    running.until("ready")
    ask(running.session, "stop")
    assert running.finish() == 0


def test_who_has_not_the_token_is_hung_up_on(supervise):
    from dataclasses import replace

    running = supervise()
    running.until("ready")
    with pytest.raises(UnavailableError):
        ask(replace(running.session, token="guess"), "stop")
    assert health(running.session.rpc_url) is not None


def test_strangers_by_the_hundred_neither_stop_the_supervisor_from_listening_nor_use_up_its_files(supervise):
    running = supervise()
    running.until("ready")
    session = running.session
    limit = MAX_STRANGERS + 40
    resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (limit, limit))
    with contextlib.ExitStack() as strangers:
        for _ in range(2 * limit):
            connection = socket.create_connection(("127.0.0.1", session.control_port))
            strangers.enter_context(connection)
        assert ask(session, "status")["nodes"] == {"sequencer": "running"}
    ask(session, "stop")
    assert running.finish() == 0


@pytest.mark.parametrize("said", [b"{}\n", b"[]\n", b"[" * 5_000 + b"\n", b"\xff\n", b"x" * 200_000, b""])
def test_nonsense_is_hung_up_on_and_the_supervisor_goes_on_listening(supervise, said):
    running = supervise()
    running.until("ready")
    with socket.create_connection(("127.0.0.1", running.session.control_port)) as connection:
        connection.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionError):
            connection.sendall(said)
            with contextlib.suppress(OSError):  # it may have hung up already
                connection.shutdown(socket.SHUT_WR)
            assert connection.recv(1) == b""
    assert ask(running.session, "status")["nodes"] == {"sequencer": "running"}


def test_a_devnet_goes_down_although_its_supervisor_hangs(supervise, monkeypatch):
    monkeypatch.setattr(control, "STOP_HEARD_S", 0.1)
    monkeypatch.setattr(stopping, "STOP_TIMEOUT_S", 1.0)
    running = supervise("deaf", "sequencer:essential", "two:optional")
    nodes = running.until("ready")["nodes"]
    session = running.session
    running.process.send_signal(signal.SIGSTOP)
    stopping.stop_devnet(session)
    assert gone(running.process.pid)
    assert all(gone(node["pid"]) for node in nodes.values())


@contextlib.contextmanager
def no_space_for(process):
    """Whatever the process writes to files is too much, as on a full disk."""
    pid, kind = process.pid, resource.RLIMIT_FSIZE
    before = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, kind, before)


def test_a_log_that_cannot_be_written_neither_holds_up_a_node_nor_the_devnet(supervise, tmp_path):
    logs = tmp_path / "net" / "logs"
    logs.mkdir(parents=True)
    for name in ("sequencer", "two"):
        (logs / f"{name}.log").symlink_to("/dev/full")
    running = supervise("chatty", "sequencer:essential", "two:optional")
    assert "the log of sequencer has gaps from here on" in running.until("trouble")["message"]
    two = running.until("ready")["nodes"]["two"]
    os.kill(two["pid"], signal.SIGKILL)
    assert "two" in running.until("trouble")["message"]
    eventually(lambda: health(two["url"]) is not None)
    assert running.session.healthy
    ask(running.session, "stop")
    assert running.finish() == 0


def test_a_node_that_dies_while_the_disk_is_full_comes_back_when_there_is_space_again(supervise):
    running = supervise("plain", "sequencer:essential", "two:optional")
    nodes = running.until("ready")["nodes"]
    with no_space_for(running.process):
        os.kill(nodes["two"]["pid"], signal.SIGKILL)
        said = running.until("trouble")["message"]
        while "can't be started" not in said:
            said = running.until("trouble")["message"]
        assert health(nodes["sequencer"]["url"]) is not None
        assert ask(running.session, "status")["nodes"] == {"sequencer": "running", "two": "failed"}
    eventually(lambda: health(nodes["two"]["url"]) is not None)
    eventually(lambda: running.session.node("two").state == "running")
    assert running.session.healthy


class TestSingleNodes:
    @pytest.fixture
    def running(self, supervise):
        running = supervise("plain", "sequencer:essential", "two:optional")
        running.until("ready")
        return running

    @staticmethod
    def state(running, name):
        return ask(running.session, "status")["nodes"].get(name)

    def test_a_node_can_be_added_and_answers_when_the_command_returns(self, running):
        answer = ask(running.session, "add", role="full-node")
        assert answer["node"] == "full-node-1"
        assert health(answer["endpoints"]["http"]) is not None
        assert running.session.node("full-node-1").role == "full_node"
        assert ask(running.session, "add", role="full-node")["node"] == "full-node-2"

    def test_only_some_roles_can_be_added(self, running):
        with pytest.raises(UserError, match="cannot be given a sequencer"):
            ask(running.session, "add", role="sequencer")

    def test_a_stopped_node_stays_stopped_and_the_devnet_well(self, running):
        pid = running.session.node("two").process.pid
        ask(running.session, "stop-node", "two")
        assert gone(pid)
        assert self.state(running, "two") == "stopped"
        assert running.session.node("two").state == "stopped"
        assert running.session.healthy

    def test_a_stopped_node_starts_again_where_it_was(self, running):
        before = running.session.node("two")
        ask(running.session, "stop-node", "two")
        answer = ask(running.session, "start-node", "two")
        assert answer["endpoints"] == before.endpoints
        assert health(before.endpoints["http"]) is not None
        assert running.session.node("two").process != before.process

    def test_restarting_a_node_leaves_the_others_alone(self, running):
        sequencer, two = running.session.nodes
        ask(running.session, "restart-node", "two")
        assert running.session.node("sequencer") == sequencer
        assert running.session.node("two").process != two.process
        assert health(two.endpoints["http"]) is not None

    def test_the_sequencer_can_be_stopped_on_purpose_without_ending_the_devnet(self, running):
        ask(running.session, "stop-node", "sequencer")
        assert running.session.state == "running"
        ask(running.session, "start-node", "sequencer")
        assert self.state(running, "sequencer") == "running"

    @pytest.mark.parametrize("command", ["stop-node", "start-node", "restart-node"])
    def test_a_node_that_is_not_there_is_named_with_those_that_are(self, running, command):
        with pytest.raises(UserError, match="no node 'three'") as refused:
            ask(running.session, command, "three")
        assert "sequencer, two" in refused.value.why

    def test_what_runs_is_not_started_and_what_has_stopped_is_not_stopped(self, running):
        with pytest.raises(UnavailableError, match="running already"):
            ask(running.session, "start-node", "two")
        ask(running.session, "stop-node", "two")
        with pytest.raises(UnavailableError, match="not running"):
            ask(running.session, "stop-node", "two")


def test_a_node_that_does_not_stop_is_killed_when_it_is_to_stop(supervise):
    running = supervise("plain", "sequencer:essential", "deaf:optional")
    pid = running.until("ready")["nodes"]["deaf"]["pid"]
    ask(running.session, "stop-node", "deaf")
    assert gone(pid)


def test_a_node_that_was_started_by_hand_and_fails_is_reported_to_the_hand(supervise):
    running = supervise("plain", "sequencer:essential", "two:optional")
    running.until("ready")
    ask(running.session, "stop-node", "two")
    port = running.session.node("two").endpoints["http"].rpartition(":")[2]
    with socket.create_server(("127.0.0.1", int(port))), pytest.raises(UnavailableError, match="two"):
        ask(running.session, "start-node", "two")
    assert ask(running.session, "status")["nodes"]["two"] == "failed"
    ask(running.session, "start-node", "two")
    assert ask(running.session, "status")["nodes"]["two"] == "running"


def test_a_node_that_wants_to_begin_anew_is_started_again_even_while_all_are_starting(supervise):
    running = supervise("plain", "sequencer:essential", "anew:optional")
    assert "begins anew" in running.until("trouble")["message"]
    nodes = running.until("ready")["nodes"]
    assert health(nodes["anew"]["url"]) is not None


def test_an_unknown_command_is_refused(supervise):
    running = supervise()
    running.until("ready")
    with pytest.raises(UserError, match="unknown command 'dance'"):
        ask(running.session, "dance")
    assert ask(running.session, "status")["nodes"] == {"sequencer": "running"}


def test_asking_a_supervisor_that_is_gone_says_so(supervise):
    running = supervise()
    running.until("ready")
    session = running.session
    running.process.terminate()
    running.finish()
    with pytest.raises(NotRunningError):
        ask(session, "status")
