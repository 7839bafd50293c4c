"""`megaeth devnet` as far as it goes without processes."""

import io
import json
import os
import tomllib

import pytest

from devnet.session import NodeSession, ProcessId, Role, Session, read_session, write_session
from megaeth_cli.errors import ExitStatus


def session(name="devnet", pid=None, **changes):
    process = ProcessId.of(pid or os.getpid())
    fields = {
        "name": name,
        "supervisor": process,
        "token": "t",
        "chain_id": 6343,
        "spec": "rex6",
        "data_dir": f"/data/{name}",
        "log_dir": "/logs",
        "ephemeral": False,
        "control_port": 1,
        "mnemonic": "m",
        "accounts": 10,
        "state": "running",
        "nodes": (NodeSession("sequencer", Role.SEQUENCER, process, {"http": "http://127.0.0.1:1"}),),
    }
    return Session(**{**fields, **changes})


@pytest.fixture
def running(tmp_path):
    """Pretend that a devnet runs: this process is its supervisor."""

    def pretend(name="devnet", **changes):
        path = tmp_path / "home" / name / "session.json"
        write_session(path, session(name, **changes))
        return path

    return pretend


@pytest.mark.parametrize("command", ["status", "down", "restart"])
def test_without_a_devnet_the_commands_say_how_to_start_one(megaeth, command):
    result = megaeth("devnet", command)
    assert result.code == ExitStatus.NOT_RUNNING
    assert "no devnet is running" in result.err
    assert "megaeth devnet up" in result.err


def test_how_to_start_a_devnet_that_was_named_says_its_name(megaeth):
    assert "megaeth devnet up -d --name other" in megaeth("devnet", "down", "--name", "other").err
    assert "--name" not in megaeth("devnet", "down", "--name", "devnet").err


@pytest.mark.parametrize("command", [("mine",), ("warp", "1"), ("snapshot",), ("revert", "0x0")])
def test_what_changes_a_chain_asks_the_devnet_that_is_named_and_no_other(megaeth, running, command):
    running("one")
    running("two")
    assert megaeth("devnet", *command).code == ExitStatus.USAGE
    # Nobody listens there; but it is the one that was meant.
    assert "http://127.0.0.1:1" in megaeth("devnet", *command, "--name", "two").err
    assert megaeth("devnet", *command, "--name", "three").code == ExitStatus.NOT_RUNNING


def test_status_json_without_a_devnet_is_an_empty_list_of_nodes(megaeth):
    result = megaeth("devnet", "status", "--json")
    assert json.loads(result.out) == {"nodes": []}
    assert result.code == ExitStatus.NOT_RUNNING


def test_status_tells_a_process_that_runs_from_a_node_that_answers(megaeth, running):
    running()
    result = megaeth("devnet", "status", "--json")
    [node] = json.loads(result.out)["nodes"]
    assert (node["name"], node["role"], node["pid"]) == ("sequencer", "sequencer", os.getpid())
    assert node["alive"] is False
    assert result.code == ExitStatus.FAILURE


@pytest.mark.parametrize("columns", ["20", "", "wide", "-1"])
def test_a_narrow_terminal_cuts_no_url(megaeth, running, columns):
    running()
    out = megaeth("devnet", "status", COLUMNS=columns).out
    assert "http://127.0.0.1:1\n" in out
    assert "\x1b" not in out
    assert not any(line.endswith(" ") for line in out.splitlines())


def test_colours_come_when_forced_and_go_when_unwanted(megaeth, running):
    running()
    assert "\x1b[" in megaeth("devnet", "status", FORCE_COLOR="1").out
    assert "\x1b" not in megaeth("devnet", "status", FORCE_COLOR="1", NO_COLOR="1").out


def test_a_session_left_by_a_crash_counts_as_no_devnet(megaeth, running):
    gone = ProcessId(os.getpid(), started=1.0)  # the same pid, started at another time: reused
    running(supervisor=gone)
    assert megaeth("devnet", "status").code == ExitStatus.NOT_RUNNING


def test_status_shows_every_devnet_where_none_is_chosen(megaeth, running):
    running("one")
    running("two")
    shown = json.loads(megaeth("devnet", "status", "--json").out)["devnets"]
    assert [each["devnet"]["name"] for each in shown] == ["one", "two"]
    assert [row["name"] for row in json.loads(megaeth("devnet", "list", "--json").out)["devnets"]] == [
        "one",
        "two",
    ]


def test_what_changes_a_devnet_wants_it_named_where_there_are_two(megaeth, running):
    running("one")
    running("two")
    result = megaeth("devnet", "restart")
    assert result.code == ExitStatus.USAGE
    assert "one" in result.err
    assert "--name" in result.err
    for how in (["--name", "two"], ["--data-dir", "/data/two"]):
        assert json.loads(megaeth("devnet", "status", "--json", *how).out)["devnet"]["name"] == "two"
    assert (
        json.loads(megaeth("devnet", "status", "--json", MEGAETH_NAME="one").out)["devnet"]["name"] == "one"
    )


def test_the_session_file_is_private_and_survives_a_round_trip(running, tmp_path):
    path = running()
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_session(path) == session()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": 1}', '{"version": 99}', "\xff"])
def test_a_broken_session_file_counts_as_no_devnet(tmp_path, text):
    path = tmp_path / "session.json"
    path.write_text(text)
    assert read_session(path) is None


def test_init_writes_a_file_that_up_understands(megaeth, tmp_path):
    result = megaeth("devnet", "init", "--chain-id", "5", "--mini-block-time", "2")
    assert result.code == ExitStatus.SUCCESS
    tree = tomllib.loads((tmp_path / "devnet.toml").read_text())
    assert tree["chain"] == {"chain_id": 5}
    assert tree["blocks"] == {"mini_block_time_ms": 2}


def test_init_does_not_replace_a_file_unless_forced(megaeth, tmp_path):
    (tmp_path / "devnet.toml").write_text("# mine")
    assert megaeth("devnet", "init").code == ExitStatus.FAILURE
    assert (tmp_path / "devnet.toml").read_text() == "# mine"
    assert megaeth("devnet", "init", "--force").code == ExitStatus.SUCCESS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--spec", "rex9"], "unknown spec"),
        (["--chain-id", "0"], "out of range"),
        (["--host", "0.0.0.0"], "keys that everyone knows"),
        (["--config", "nowhere.toml"], "no such file"),
        (["--mnemonic", "abc"], "mnemonic"),
    ],
)
def test_up_refuses_wrong_settings_before_it_starts_anything(megaeth, tmp_path, arguments, said):
    result = megaeth("devnet", "up", *arguments)
    assert result.code == ExitStatus.CONFIG
    assert said in result.err
    assert not (tmp_path / "home").exists()


def test_up_reads_devnet_toml_of_the_working_directory(megaeth, tmp_path):
    (tmp_path / "devnet.toml").write_text("[chain]\nspec = 'satin'")
    result = megaeth("devnet", "up")
    assert result.code == ExitStatus.CONFIG
    assert "devnet.toml line 2" in result.err


@pytest.mark.parametrize("name", ["../x", "a/b", "", " "])
def test_a_devnet_name_is_a_plain_word(megaeth, name):
    assert megaeth("devnet", "up", "--name", name).code == ExitStatus.USAGE


def test_logs_of_a_process_that_never_ran_lists_those_there_are(megaeth, tmp_path):
    logs = tmp_path / "home" / "devnet" / "logs"
    logs.mkdir(parents=True)
    (logs / "sequencer.log").write_text("".join(f"line {n}\n" for n in range(100)))
    assert "sequencer" in megaeth("devnet", "logs", "prover").err
    assert megaeth("devnet", "logs", "-n", "2").out == "line 98\nline 99\n"
    assert megaeth("devnet", "logs", "sequencer", "-n", "0").out == ""
    assert megaeth("devnet", "logs", "-n", "2", "--json").out == '{"line": "line 98"}\n{"line": "line 99"}\n'


class TestADevnetWithStandbys:
    """Two nodes may lead, and the second does."""

    @pytest.fixture
    def led(self, running):
        process = ProcessId.of(os.getpid())
        urls = ("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")
        names = zip(("sequencer", "standby-1", "full-node-1"), urls, strict=True)
        roles = (Role.SEQUENCER, Role.STANDBY, Role.FULL_NODE)
        nodes = tuple(
            NodeSession(name, role, process, {"http": url})
            for role, (name, url) in zip(roles, names, strict=True)
        )
        running(nodes=nodes, leader="standby-1", term=4)
        return session(nodes=nodes, leader="standby-1", term=4)

    def test_is_asked_at_its_leader_then_at_who_may_lead_next(self, led):
        assert led.rpc_url == "http://127.0.0.1:2"
        assert led.rpc_urls == ("http://127.0.0.1:2", "http://127.0.0.1:1")
        assert session().rpc_urls == ("http://127.0.0.1:1",)

    def test_says_who_leads(self, megaeth, led):
        told = json.loads(megaeth("devnet", "status", "--json").out)
        assert (told["devnet"]["leader"], told["devnet"]["term"]) == ("standby-1", 4)
        assert [node["role"] for node in told["nodes"]] == ["sequencer", "standby", "full_node"]
        [row] = json.loads(megaeth("devnet", "list", "--json").out)["devnets"]
        assert (row["leader"], row["rpc_url"]) == ("standby-1", "http://127.0.0.1:2")

    @pytest.mark.parametrize(
        ("node", "said"), [("full-node-1", "full-node-1 may not lead"), ("standby-2", "sequencer, standby-1")]
    )
    def test_only_a_candidate_is_promoted(self, megaeth, led, node, said):
        result = megaeth("devnet", "promote", node)
        assert result.code == ExitStatus.FAILURE
        assert said in result.err

    def test_promoting_who_leads_changes_nothing(self, megaeth, led):
        assert "leads already" in megaeth("devnet", "promote", "standby-1").out

    def test_promoting_asks_who_leads(self, megaeth, led):
        assert "http://127.0.0.1:2" in megaeth("devnet", "promote", "sequencer").err


def test_without_standbys_nobody_is_promoted_nor_named_as_leader(megaeth, running):
    running()
    result = megaeth("devnet", "promote", "sequencer")
    assert result.code == ExitStatus.FAILURE
    assert "--standby" in result.err
    told = json.loads(megaeth("devnet", "status", "--json").out)
    assert "leader" not in told["devnet"]


@pytest.mark.parametrize(
    ("disks", "missing", "in_sync", "said"),
    [
        (2, 0, ["sequencer", "standby-1"], "when 2 disks have them"),
        (1, 0, ["standby-1"], "when one disk has them; not in sync: sequencer"),
        (2, 1, ["sequencer", "standby-1"], "when 2 disks have them; they wait, as 1 of those is missing"),
        (3, 2, ["sequencer", "standby-1"], "they wait, as 2 of those are missing"),
    ],
)
def test_the_status_says_which_disks_count_and_what_receipts_wait_for(disks, missing, in_sync, said):
    from rich.console import Console

    from megaeth_cli.output.status import status_table

    node = {
        **dict.fromkeys(("height", "mini_block", "cpu_percent", "memory_bytes", "disk_bytes")),
        **{
            "name": "standby-1",
            "role": "standby",
            "state": "running",
            "pid": 1,
            "endpoints": {},
            "alive": True,
        },
        "leadership": {
            **{"leader": "standby-1", "term": 4, "leads": True},
            **{"durable_on": disks, "missing": missing, "in_sync": in_sync},
        },
    }
    follower = {
        **node,
        "name": "sequencer",
        "role": "sequencer",
        "leadership": {"leader": "standby-1", "term": 4, "leads": False},
    }
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(status_table(session(), [follower, node]))
    shown = console.export_text()
    assert "standby-1 leads (term 4); receipts are shown when " in shown
    assert "sequencer leads" not in shown
    assert said in shown
