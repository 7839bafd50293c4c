"""Twenty rounds of harm to processes, disks and files: nothing a client was told is lost, and refusals are clear."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PATIENCE_S = 1_200.0
"""It takes a minute, and longer on a machine that is busy."""


def test_nothing_that_a_client_was_told_is_lost_whatever_happens_to_processes_disks_and_files(tmp_path):
    options = ("--rounds", "20", "--seed", "1", "--keep", str(tmp_path / "network"))
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture.crash", *options, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["faults"] == []
    assert told["lost"] == []
    assert done.returncode == 0, done.stderr
    assert told["rounds"] == 20
    assert told["receipts checked"] > told["receipts given"] > 0
    assert told["states compared"] > 20
    assert told["blocks verified"] == 20
    assert told["refusals"]
