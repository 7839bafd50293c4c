"""A few leaders that die, stand still, are cut off or hand over: clients notice a pause, and nothing is lost."""

import shutil
import subprocess

import pytest

from tests.support.torture import torture

WAYS = ("kill leader twice", "stall leader", "part leader from all", "fill disk of leader", "promote")
NETWORKS = (["unshare", "--net"], ["unshare", "--net", "--map-root-user"])


def may_have_networks():
    """Of their own, for nodes."""
    if not shutil.which("unshare"):
        return False
    return any(subprocess.run([*way, "true"], capture_output=True).returncode == 0 for way in NETWORKS)


@pytest.mark.skipif(not may_have_networks(), reason="no network namespace can be made here")
def test_nothing_that_a_client_was_told_is_lost_whatever_happens_to_leaders(tmp_path):
    only = [argument for way in WAYS for argument in ("--only", way)]
    told, done = torture(
        "succession", "--rounds", len(WAYS), "--seed", 1, "--keep", tmp_path / "devnet", *only
    )
    assert told["faults"] == []
    assert told["lost"] == []
    assert done.returncode == 0, done.stderr
    assert set(told["deeds"]) == set(WAYS)
    assert told["receipts checked"] > told["receipts given"] > 0
    assert told["states compared"] > len(WAYS)
    assert set(WAYS) <= set(told["takeovers"])
