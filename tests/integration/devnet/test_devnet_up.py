"""`megaeth devnet` as a person uses it: real commands, real processes, a real sequencer."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path

import pytest

from devnet.session import health, page, start_time
from megaeth_cli.chain.rpc_client import RpcClient
from megaeth_cli.errors import ExitStatus
from tests.support import console, wallet
from tests.support.home import COMMAND, PATIENCE_S, Home


@pytest.fixture
def home(tmp_path):
    with Home(tmp_path) as user:
        yield user


def eventually(condition):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return found


def read_banner(process):
    """All lines up to the end of the banner."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("data "):
            return "".join(lines)
    pytest.fail(f"no banner: {process.stderr.read()}")


def call(url, method, *parameters):
    with RpcClient(url) as node:
        return node.call(method, *parameters)


def send(url, **fields):
    """Send one transaction; its receipt."""

    class Endpoint:
        rpc = staticmethod(lambda method, *parameters: call(url, method, *parameters))

    return wallet.send(Endpoint, 0, **({"to": wallet.address(1), "value": "0x1"} | fields))


def tell(url, text):
    """Have a contract tell the console something; the transaction's receipt."""
    teller = f"0x{0x7E11:040x}"
    call(url, "anvil_setCode", teller, "0x" + console.TELLER.hex())
    return send(url, to=teller, input=console.words(text), value="0x0")


def height(url):
    return int(call(url, "eth_blockNumber"), 16)


def test_up_in_the_background_returns_when_it_answers(home):
    url = home.up()
    assert call(url, "eth_chainId") == hex(6343)
    assert health(url) is not None


def test_status_json_has_its_documented_form(home):
    url = home.up()
    status = home.status()
    [node] = status["nodes"]
    assert {"name", "role", "pid", "endpoints", "height", "mini_block"} <= set(node)
    assert (node["name"], node["role"], node["alive"]) == ("sequencer", "sequencer", True)
    assert node["endpoints"]["http"] == url
    assert node["endpoints"]["ws"] == url.replace("http", "ws")
    assert isinstance(node["height"], int)
    assert isinstance(node["mini_block"], int)
    assert start_time(node["pid"]) is not None


def test_status_for_people_names_the_process_and_its_endpoint(home):
    url = home.up()
    done = home.run("devnet", "status")
    assert done.returncode == 0
    assert url in done.stdout
    assert "sequencer" in done.stdout


def test_each_stage_of_the_pipeline_counts_a_transaction(home):
    url = home.up()
    send(url)
    told = page(url, "/metrics.json")
    counts = {stage["name"]: stage["count"] for stage in told["pipeline"]["stages"]}
    assert list(counts) == [
        "parse", "wait", "recover", "admit", "execute", "seal", "close", "log", "publish",
    ]  # fmt: skip
    assert counts["wait"] == counts["recover"] == counts["admit"] == counts["execute"] == counts["log"] == 1
    assert told["counters"]["builder_transactions"] == 1


def test_top_shows_the_pipeline_of_each_node(home):
    home.up()
    seen = json.loads(home.run("--json", "devnet", "top", "--interval", "0.5").stdout)["sequencer"]
    assert seen["intervals"]["target_us"] == 10_000
    assert seen["intervals"]["took"]["count"] > 0
    shown = home.run("devnet", "top", "--once", "--interval", "0.1").stdout
    assert "per second" in shown
    assert "on time" in shown


def test_the_session_file_is_for_its_user_only(home):
    home.up()
    [session] = (home.path / "home").glob("*/session.json")
    assert stat.S_IMODE(session.stat().st_mode) == 0o600


def test_down_leaves_no_process_and_no_session(home):
    url = home.up()
    pid = home.sequencer()["pid"]
    assert home.run("devnet", "down").returncode == 0
    assert start_time(pid) is None
    assert health(url) is None
    assert home.run("devnet", "status").returncode == ExitStatus.NOT_RUNNING
    assert home.run("devnet", "down").returncode == ExitStatus.NOT_RUNNING


def test_the_chain_goes_on_where_it_was_after_down_and_up(home):
    url = home.up()
    receipt = send(url)
    assert home.run("devnet", "down").returncode == 0
    again = home.up()
    assert call(again, "eth_getTransactionReceipt", receipt["transactionHash"])["status"] == "0x1"


def test_restart_keeps_port_settings_and_chain(home):
    url = home.up("--chain-id", 77, "--mini-block-time", 5)
    before = home.sequencer()["pid"]
    eventually(lambda: height(url) >= 1)
    block = call(url, "eth_getBlockByNumber", "0x1", False)["hash"]
    done = home.run("devnet", "restart", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == url
    assert home.sequencer()["pid"] != before
    assert call(url, "eth_chainId") == hex(77)
    assert call(url, "eth_getBlockByNumber", "0x1", False)["hash"] == block


def test_logs_show_what_the_process_wrote(home):
    home.up()
    assert "JSON-RPC" in home.run("devnet", "logs").stdout
    assert "ready" in home.run("devnet", "logs", "supervisor").stdout


def test_logs_can_be_followed(home):
    home.up()
    following = subprocess.Popen(
        [*COMMAND, "devnet", "logs", "supervisor", "-f"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=home.path,
        env=home.variables,
    )
    try:
        assert "ready" in next(line for line in following.stdout if "ready" in line)
        home.run("devnet", "down")
        assert "stopping" in next(line for line in following.stdout if "stopping" in line)
        following.send_signal(signal.SIGINT)
        assert following.wait(PATIENCE_S) == ExitStatus.INTERRUPTED
    finally:
        following.kill()
        following.communicate()


class TestInTheForeground:
    def test_it_shows_accounts_keys_endpoints_and_a_warning_then_its_blocks(self, home):
        process = home.foreground()
        banner = read_banner(process)
        assert "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266" in banner
        assert "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80" in banner
        assert "These keys are public" in banner
        assert "6343" in banner
        assert "rex6" in banner
        url = home.sequencer()["endpoints"]["http"]
        assert url in banner
        send(url)
        block = next(line for line in process.stdout if line.startswith("block") and " 0 txs" not in line)
        assert " 1 txs" in block

    def test_it_shows_what_contracts_tell_the_console(self, home):
        process = home.foreground()
        read_banner(process)
        url = home.sequencer()["endpoints"]["http"]
        digest = tell(url, "one\nblock 7")["transactionHash"]
        first = next(line for line in process.stdout if line.startswith("console"))
        assert first.endswith(" one\n")
        assert digest[:6] in first
        # What a contract says cannot pass for a line of ours.
        assert next(process.stdout) == " " * first.rindex("one") + "block 7\n"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_stops_everything_and_loses_nothing(self, home, number):
        process = home.foreground()
        read_banner(process)
        node = home.sequencer()
        receipt = send(node["endpoints"]["http"])
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert start_time(node["pid"]) is None
        url = home.up()
        assert call(url, "eth_getTransactionReceipt", receipt["transactionHash"]) is not None

    def test_ctrl_c_of_a_terminal_reaches_the_whole_group_and_still_stops_in_order(self, home):
        process = subprocess.Popen(
            [*COMMAND, "devnet", "up", "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=home.path,
            env=home.variables,
            start_new_session=True,
        )
        home.started.append(process)
        read_banner(process)
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert "warning" not in errors

    def test_a_killed_sequencer_is_reported_and_up_goes_on_from_the_disk(self, home):
        process = home.foreground()
        read_banner(process)
        node = home.sequencer()
        receipt = send(node["endpoints"]["http"])
        os.kill(node["pid"], signal.SIGKILL)
        _, errors = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == ExitStatus.UNAVAILABLE
        assert "was killed by SIGKILL" in errors
        assert "Traceback" not in errors
        url = home.up()
        found = call(url, "eth_getTransactionReceipt", receipt["transactionHash"])
        assert found["blockNumber"] == receipt["blockNumber"]

    def test_with_json_it_prints_one_value_when_it_is_ready(self, home):
        process = home.foreground("--json")
        decoder, text = json.JSONDecoder(), ""
        for line in process.stdout:
            text += line
            with contextlib.suppress(ValueError):
                value, _ = decoder.raw_decode(text)
                break
        assert call(value["rpc_url"], "eth_chainId") == hex(6343)


def test_logs_show_what_contracts_tell_the_console_and_name_it_in_json(home):
    url = home.up()
    digest = tell(url, "two\nlines")["transactionHash"]
    shown = eventually(lambda: console.lines(home.run("devnet", "logs").stdout))
    assert [(line.source, line.text) for line in shown] == [(digest, "two\nlines")]
    named = [json.loads(line) for line in home.run("devnet", "logs", "--json").stdout.splitlines()]
    [found] = [line for line in named if "text" in line]
    assert (found["tx"], found["text"]) == (digest, "two\nlines")
    assert found["contract"] == f"0x{0x7E11:040x}"
    assert digest in found["line"]


def test_up_directly_after_a_kill_of_the_sequencer_works(home):
    url = home.up()
    receipt = send(url)
    os.kill(home.sequencer()["pid"], signal.SIGKILL)
    again = home.up()
    assert call(again, "eth_getTransactionReceipt", receipt["transactionHash"]) is not None


def test_up_directly_after_a_kill_of_the_supervisor_works(home):
    url = home.up()
    receipt = send(url)
    sequencer = home.sequencer()["pid"]
    os.kill(home.status()["devnet"]["supervisor_pid"], signal.SIGKILL)
    again = home.up()
    assert start_time(sequencer) is None
    assert call(again, "eth_getTransactionReceipt", receipt["transactionHash"]) is not None


def test_a_second_devnet_on_the_same_data_is_refused_with_the_pid_that_holds_it(home):
    url = home.up()
    holder = home.status()["devnet"]["supervisor_pid"]
    done = home.run("devnet", "up", "--detach", "--port", 0)
    assert done.returncode == ExitStatus.UNAVAILABLE
    assert str(holder) in done.stderr
    assert "Traceback" not in done.stderr
    assert health(url) is not None


def test_devnets_on_different_data_run_side_by_side(home):
    one = home.up("--data-dir", "one", "--chain-id", 1001)
    two = home.up("--data-dir", "two", "--chain-id", 1002)
    assert (call(one, "eth_chainId"), call(two, "eth_chainId")) == (hex(1001), hex(1002))
    both = home.status()["devnets"]
    assert {each["devnet"]["chain_id"] for each in both} == {1001, 1002}
    shown = home.run("devnet", "status").stdout
    assert one in shown
    assert two in shown
    listed = json.loads(home.run("devnet", "list", "--json").stdout)["devnets"]
    assert {each["rpc_url"] for each in listed} == {one, two}
    assert home.run("devnet", "logs").returncode == ExitStatus.USAGE  # which one?
    assert home.status("--data-dir", "two")["devnet"]["chain_id"] == 1002
    assert home.run("devnet", "down", "--data-dir", "one").returncode == 0
    assert home.status()["devnet"]["chain_id"] == 1002


def test_a_port_in_use_is_named_and_leaves_nothing_behind(home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments in (["--detach"], []):
            done = home.run("devnet", "up", "--port", port, *arguments)
            assert done.returncode == ExitStatus.UNAVAILABLE
            assert str(port) in done.stderr
            assert "Traceback" not in done.stderr
    # It was noticed before any process was started.
    assert not list((home.path / "home").glob("*/logs/sequencer.log"))
    assert home.run("devnet", "status").returncode == ExitStatus.NOT_RUNNING


def test_an_unwritable_data_directory_is_refused(home):
    (home.path / "file").write_text("in the way")
    done = home.run("devnet", "up", "--data-dir", "file/data", "--port", 0)
    assert done.returncode == ExitStatus.UNAVAILABLE
    assert "file/data" in done.stderr
    assert "--data-dir" in done.stderr


def test_an_unwritable_home_is_refused(home):
    (home.path / "home").write_text("in the way")
    for arguments in (["--detach"], []):
        done = home.run("devnet", "up", "--port", 0, *arguments)
        assert done.returncode == ExitStatus.UNAVAILABLE, done.stderr
        assert "Traceback" not in done.stderr


def test_a_chain_of_another_id_in_the_data_directory_is_refused_and_untouched(home):
    home.up("--data-dir", "kept", "--chain-id", 1001)
    home.run("devnet", "down")
    done = home.run("devnet", "up", "--data-dir", "kept", "--chain-id", 1002, "--port", 0, "--detach")
    assert done.returncode != 0
    assert "1001" in done.stderr
    assert "Traceback" not in done.stderr
    assert call(home.up("--data-dir", "kept", "--chain-id", 1001), "eth_chainId") == hex(1001)


def test_a_genesis_file_that_is_wrong_is_refused_and_a_right_one_is_used(home):
    rich = "0x00000000000000000000000000000000000000aa"
    (home.path / "bad.json").write_text("{")
    done = home.run("devnet", "up", "--genesis", "bad.json", "--ephemeral", "--port", 0, "--detach")
    assert done.returncode == ExitStatus.CONFIG
    assert "bad.json" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((home.path / "home").glob("*/logs/sequencer.log")), "a process was started"
    genesis = {"timestamp": "0x5f5e100", "alloc": {rich: {"balance": "0x5"}}}
    (home.path / "good.json").write_text(json.dumps(genesis))
    one = home.up("--genesis", "good.json", "--data-dir", "one")
    assert call(one, "eth_getBalance", rich, "latest") == "0x5"
    assert int(call(one, "eth_getBlockByNumber", "0x0", False)["timestamp"], 16) == 100_000_000
    eventually(lambda: height(one) >= 1)
    # The same inputs make the same genesis, as whoever keeps a database for it expects.
    two = home.up("--genesis", "good.json", "--data-dir", "two")
    hashes = [call(url, "eth_getBlockByNumber", "0x0", False)["hash"] for url in (one, two)]
    assert hashes[0] == hashes[1]
    home.run("devnet", "down", "--all")
    other = ("--genesis", "good.json", "--genesis-timestamp", 7, "--data-dir", "one")
    done = home.run("devnet", "up", "-d", "--port", 0, *other)
    assert done.returncode == ExitStatus.UNAVAILABLE, done.stderr
    assert "genesis timestamp" in done.stderr


def test_what_was_started_before_is_listed_when_it_is_stopped(home):
    assert "there is none" in home.run("devnet", "list").stdout
    home.up()
    home.run("devnet", "down")
    [kept] = json.loads(home.run("devnet", "list", "--json").stdout)["devnets"]
    assert (kept["name"], kept["state"], kept["chain_id"]) == ("devnet", "stopped", 6343)


def test_in_the_background_it_says_where_it_is_and_how_to_get_keys_but_shows_none(home):
    done = home.run("devnet", "up", "-d", "--port", 0)
    assert done.returncode == 0, done.stderr
    assert (
        "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80" not in done.stdout + done.stderr
    )
    assert "megaeth accounts --keys" in done.stderr
    assert home.sequencer()["endpoints"]["http"] in done.stdout
    assert len(done.stdout.splitlines()) < 15
    done = home.run("devnet", "restart", "-v")
    assert "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80" in done.stdout


def test_an_invalid_mnemonic_is_refused(home):
    done = home.run("devnet", "up", "--mnemonic", "zebra " * 12, "--ephemeral", "--port", 0, "--detach")
    assert done.returncode != 0
    assert "mnemonic" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_ephemeral_devnet_leaves_nothing(home):
    url = home.up("--ephemeral")
    assert call(url, "eth_chainId") == hex(6343)
    data = Path(home.status()["devnet"]["data_dir"])
    assert data.is_dir()
    home.run("devnet", "down")
    assert not data.exists()
    assert list((home.path / "home").iterdir()) == []


def test_what_lies_in_the_working_directory_is_not_imported(home):
    for name in ("devnet.py", "asyncio.py", "json.py"):
        (home.path / name).write_text("raise SystemExit('the user's own file')")
    home.up("--ephemeral")


def test_reset_starts_from_genesis_and_touches_nothing_else(home):
    url = home.up("--data-dir", "kept")
    receipt = send(url)
    home.run("devnet", "down")
    (home.path / "kept" / "mine.txt").write_text("not the devnet's")
    node = home.path / "kept" / "nodes" / "sequencer"
    of_the_old_chain = [
        node / "evidence" / "one.json",
        node / "reproductions" / "one.json",
        node / "refused.json",
    ]
    for file in of_the_old_chain:
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
    url = home.up("--data-dir", "kept", "--reset")
    assert not any(file.exists() for file in of_the_old_chain)
    assert call(url, "eth_getTransactionReceipt", receipt["transactionHash"]) is None
    assert (home.path / "kept" / "mine.txt").read_text() == "not the devnet's"


def test_accounts_balance_and_mnemonic_reach_the_chain(home):
    own = "legal winner thank year wave sausage worth useful legal winner thank yellow"
    url = home.up("--ephemeral", "--accounts", 2, "--balance", 7, "--mnemonic", own)
    accounts = call(url, "eth_accounts")
    assert len(accounts) == 2
    assert "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" not in [account.lower() for account in accounts]
    assert int(call(url, "eth_getBalance", accounts[1], "latest"), 16) == 7 * 10**18


def test_settings_of_devnet_toml_reach_the_chain(home):
    (home.path / "devnet.toml").write_text("[chain]\nchain_id = 99\nbase_fee = 7\n")
    url = home.up("--ephemeral")
    assert call(url, "eth_chainId") == hex(99)
    assert call(url, "eth_gasPrice") == "0x7"


def test_many_commands_at_once_see_one_devnet(home):
    home.up()
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(home.sequencer()["pid"])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == 1
