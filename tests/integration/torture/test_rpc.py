"""A minute under hostile clients (`python -m tests.torture.rpc`), and that the program sees what is wrong."""

import random

import pytest

from tests.support.fake_engine import FakeEngine
from tests.support.server_thread import ServerThread
from tests.torture.rpc import session
from tests.torture.rpc.attacks import Attacker, rpc
from tests.torture.rpc.report import Report

SECONDS = 60
SEED = 20_251_201


def test_nodes_serve_honest_clients_right_while_others_torture_them(tmp_path):
    report = session.run(tmp_path, SECONDS, SEED)
    assert not report.faults, report.to_text()
    for done in (
        "rpc: bodies",
        "http: exchanges",
        "websocket: connections",
        "honest: answers",
        "honest: transactions",
    ):
        assert report.counts[done], report.to_text()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b'{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"internal error"}}', "internal"),
        (b'{"jsonrpc":"2.0","id":123456789,"result":null}', "garbled"),
        (b'{"jsonrpc":', "garbled"),
    ],
)
def test_an_attacker_sees_an_answer_that_must_not_be(answer, kind):
    engine = FakeEngine()
    engine.submit = lambda body, token: answer
    with ServerThread(engine) as server:
        attacker = Attacker(random.Random(1), (server.port,), Report(1))
        rpc(attacker)
    assert attacker.report.faults[kind]


def test_an_attacker_sees_nodes_that_differ_on_what_is_a_request():
    strict, lenient = FakeEngine(), FakeEngine()
    strict.submit = lambda body, token: b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}'
    lenient.submit = lambda body, token: b'{"jsonrpc":"2.0","id":null,"error":{"code":-32601,"message":"no"}}'
    with ServerThread(strict) as one, ServerThread(lenient) as other:
        attacker = Attacker(random.Random(1), (one.port, other.port), Report(1))
        rpc(attacker)
    assert attacker.report.faults["differing"]


def test_a_report_counts_every_fault_and_shows_some():
    report = Report(5)
    for number in range(100):
        report.fault("silent", f"request {number}")
    assert report.faults["silent"] == 100
    assert len(report.examples) == 50
    assert report.to_text().endswith("100 faults; seed 5")
    assert Report(5).to_text().endswith("no faults; seed 5")
