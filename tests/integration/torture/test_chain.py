"""Two hundred blocks of every kind of transaction: nobody complains, everybody agrees, every block can be verified."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PATIENCE_S = 1_500.0
"""It takes a minute, and longer on a machine that is busy."""


def test_every_kind_of_transaction_leaves_a_network_that_agrees(tmp_path):
    options = ("--blocks", "200", "--seed", "1", "--keep", str(tmp_path / "network"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.chain", *options, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["faults"] == []
    assert told["never_sent"] == []
    assert told["lost"] == []
    assert done.returncode == 0, done.stderr
    assert told["blocks"]["in all"] >= 200
    assert told["verified once more"]["blocks"] >= 200
    assert told["transactions"]["of the system"] > 0
    assert told["buckets that grew"]["times"] > 0
    for ending in ("success", "revert", "refused", "OutOfGas(Basic)", "DataLimitExceeded"):
        assert told["endings"][ending] > 0
