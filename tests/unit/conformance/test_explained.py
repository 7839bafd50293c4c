"""Recorded transactions are explained as their receipts say, and what is explained otherwise is told."""

import os
from pathlib import Path

import pytest

from megaeth_cli.replay.told_node import ToldNode
from tests.conformance import explained

RECORDED = Path(os.environ.get("MEGAETH_VECTORS", Path(__file__).parents[4] / "shared" / "vectors")) / "chain"
SOME = ["--fixtures", str(RECORDED), "--each", "300"]

needs_recordings = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded blocks are here")


@needs_recordings
def test_some_of_the_recorded_transactions_agree(capsys):
    assert explained.main(SOME) == explained.AGREE
    assert "agree" in capsys.readouterr().out


@needs_recordings
def test_a_receipt_that_says_something_else_is_a_disagreement(capsys, monkeypatch):
    true = ToldNode._receipt
    monkeypatch.setattr(ToldNode, "_receipt", lambda *given: {**true(*given), "gasUsed": "0x1"})
    assert explained.main(SOME) == explained.DISAGREE
    assert "the receipt has (1, " in capsys.readouterr().err


def test_nothing_to_explain_is_no_agreement(tmp_path):
    assert explained.main(["--fixtures", str(tmp_path)]) == explained.UNKNOWN
