"""The console thread: what was told goes to the log and to subscribers, bounded, and nothing where nobody wants it."""

import json
import logging
import queue

from eth_abi import encode

from devnet._engine import keccak256
from devnet.roles.console_log import ConsoleLog
from tests.support.waiting import eventually

TX, CONTRACT = b"\xab" * 32, b"\xcd" * 20


def text(words):
    return keccak256(b"log(string)")[:4] + encode(["string"], [words])


class Engine:
    """Tells what a test puts in."""

    def __init__(self):
        self.told, self.heard = queue.Queue(), []

    def hear_console(self, on):
        self.heard.append(on)

    def next_console(self, timeout_ms):
        try:
            return self.told.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return [], 0, None


def begun(engine, *, wanted=True):
    published, failures = [], []
    log = ConsoleLog(engine, published.extend, failures.append, wanted=wanted)
    log.start()
    return log, published, failures


def messages(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "console"]


def test_what_is_told_is_logged_with_its_fields_and_published(caplog):
    caplog.set_level(logging.INFO)
    engine = Engine()
    _, published, failures = begun(engine)
    engine.told.put(([(TX, [(CONTRACT, text("one")), (CONTRACT, text("two"))], 0)], 0, None))
    engine.told.put(([("eth_call", [(CONTRACT, text("three"))], 0)], 0, None))
    engine.told.put(None)
    eventually(lambda: len(published) == 3, "all to be published")
    source, contract = f"0x{TX.hex()}", f"0x{CONTRACT.hex()}"
    assert messages(caplog) == [
        f"{source} {contract}: one",
        f"{source} {contract}: two",
        f"eth_call {contract}: three",
    ]
    [first, *_] = (record for record in caplog.records if record.name == "console")
    assert (first.tx, first.contract, first.text) == (source, contract, "one")
    assert [json.loads(news) for news in published][1:] == [
        {"transactionHash": source, "method": None, "contract": contract, "text": "two"},
        {"transactionHash": None, "method": "eth_call", "contract": contract, "text": "three"},
    ]
    assert failures == []


def test_what_is_left_out_is_said(caplog):
    caplog.set_level(logging.INFO)
    engine = Engine()
    _, published, _ = begun(engine)
    engine.told.put(([(TX, [(CONTRACT, text("one"))], 41)], 7, "mini-block 3 can't be heard: why"))
    eventually(lambda: len(messages(caplog)) == 4, "all to be logged")
    assert "... 41 more calls" in messages(caplog)[1]
    assert messages(caplog)[2].startswith("7 transactions and calls are left out")
    assert messages(caplog)[3] == "mini-block 3 can't be heard: why"
    assert json.loads(published[1])["contract"] is None
    engine.told.put(None)


def test_who_does_not_want_it_never_listens():
    engine = Engine()
    log, _, _ = begun(engine, wanted=False)
    log.hear(True)
    log.finish()
    assert engine.heard == []


def test_listening_is_ended_and_begun_again():
    engine = Engine()
    log, _, _ = begun(engine)
    log.hear(False)
    log.hear(True)
    engine.told.put(None)
    assert engine.heard == [True, False, True]


def test_a_thread_that_fails_is_reported():
    engine = Engine()
    _, _, failures = begun(engine)
    engine.told.put(("nonsense",))
    eventually(lambda: failures, "the failure to be reported")


def test_what_was_told_before_the_end_is_shown(caplog):
    caplog.set_level(logging.INFO)
    engine = Engine()
    log, _, _ = begun(engine)
    # The thread takes the first and waits for its turn, as it tells very much.
    engine.told.put(([(TX, [(CONTRACT, text("x"))] * 1000, 0)], 0, None))
    engine.told.put(([("eth_call", [(CONTRACT, text("last"))], 0)], 0, None))
    eventually(lambda: len(messages(caplog)) >= 1000, "the first to be logged")
    log.finish()
    eventually(lambda: messages(caplog)[-1].endswith("last"), "the last to be logged")
    engine.told.put(None)
