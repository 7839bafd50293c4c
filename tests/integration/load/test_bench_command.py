"""`megaeth bench` on real nodes: what it says adds up, and it goes nowhere it isn't wanted."""

import json
import shutil
import socket
import subprocess

import pytest

from bench.node_packages import foundry
from bench.targets import HOST
from megaeth_cli.compile import Options, compile_source
from megaeth_cli.load.contracts import code
from tests.support.cli import compiler_variables
from tests.support.home import ROOT, Home
from tests.support.waiting import eventually

CHEAP = ("--accounts", 8, "--connections", 4, "--quiet")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    with Home(tmp_path_factory.mktemp("bench")) as home:
        home.up()
        yield home


@pytest.fixture(scope="module")
def anvil():
    """The peer's URL."""
    if shutil.which("npm") is None:
        pytest.skip("npm is absent")
    with socket.create_server((HOST, 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [foundry("anvil"), "--port", str(port), "--silent"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: _listens(port), "anvil to listen")
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def included(body, least):
    """Whether a load went in as a whole."""
    assert body["calls"] >= least
    assert body["refused"] == body["missing"] == 0, body["errors"]
    assert body["includedPerSecond"] > 0
    assert body["acknowledgedMs"]["of"] > 0
    return True


@pytest.mark.parametrize("workload", ["transfers", "erc20", "swaps"])
def test_transactions_are_included(home, workload):
    done = home.run("bench", *CHEAP, "--workload", workload, "--count", 400, "--batch", 20, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    body = json.loads(done.stdout)
    assert included(body, 400)
    assert body["includedMs"]["of"] > 0


@pytest.mark.parametrize("mode", ["single", "ws", "realtime"])
def test_every_way_of_sending_works(home, mode):
    assert included(home.json("bench", *CHEAP, "--mode", mode, "--count", 100), 100)


def test_rate_is_kept(home):
    # A count, not a duration: a machine that stalls sends all of it too.
    body = home.json("bench", *CHEAP, "--mode", "single", "--rate", 50, "--count", 50)
    assert included(body, 50)
    assert body["rate"] == 50
    assert body["calls"] / body["seconds"] <= 60, "more than was asked for"


def test_load_that_ends_by_the_clock_ends(home):
    assert included(home.json("bench", *CHEAP, "--mode", "single", "--duration", 0.5), 1)


def test_reads_need_no_account(home):
    body = home.json("bench", *CHEAP, "--workload", "reads:eth_getBalance", "--count", 200)
    assert body["calls"] >= 200
    assert body["includedPerSecond"] is None


def test_people_see_who_set_the_limit(home):
    done = home.run("bench", *CHEAP, "--count", 100, "--batch", 10)
    assert done.returncode == 0, done.stderr
    for label in ("accepted", "included", "send to inclusion", "generator", "limit"):
        assert label in done.stdout


def test_errors_are_shown_by_kind_and_fail_the_command(home):
    done = home.run("bench", *CHEAP, "--workload", "reads:eth_noSuchThing", "--params", "[]", "--count", 4)
    assert done.returncode == 1
    assert "-32601" in done.stdout


def test_a_second_load_finds_its_senders_funded(home):
    before = home.json("rpc", "eth_getTransactionCount", home.json("accounts")[0]["address"], "latest")
    home.json("bench", *CHEAP, "--count", 40, "--batch", 10)
    after = home.json("rpc", "eth_getTransactionCount", home.json("accounts")[0]["address"], "latest")
    assert before == after


@pytest.mark.parametrize("mode", ["batch", "single", "ws", "realtime"])
def test_anvil_takes_the_same_load(home, anvil, mode):
    body = home.json("bench", *CHEAP, "--rpc-url", anvil, "--mode", mode, "--count", 80, "--batch", 10)
    assert included(body, 80)


def test_anvil_takes_swaps(home, anvil):
    body = home.json("bench", *CHEAP, "-r", anvil, "-w", "swaps", "--count", 80, "--batch", 10)
    assert included(body, 80)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--rpc-url", "http://192.0.2.1:8545"), "--with-permission"),
        (("--rpc-url", "https://127.0.0.1:1"), "plain http"),
        (("--workload", "nonsense"), "transfers, erc20, swaps"),
        (("--rate", "-1"), "calls per second"),
        (("--count", 1, "--duration", 1), "not both"),
    ],
)
def test_what_cannot_be_done_is_refused(home, arguments, why):
    done = home.run("bench", *arguments)
    assert done.returncode == 2, done.stdout
    assert why in done.stderr


def test_bytecode_is_that_of_the_sources(tmp_path):
    variables = compiler_variables()
    options = Options(cache=tmp_path, variables=variables)
    for name in ("Token", "AmmRouter"):
        compiled = compile_source(ROOT / "contracts" / "src" / f"{name}.sol", options).contract(name)
        assert code(name).hex() == compiled.bytecode
