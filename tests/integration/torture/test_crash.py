"""Twenty rounds of harm to processes, disks and files: nothing a client was told is lost, and refusals are clear."""

from tests.support.torture import torture


def test_nothing_that_a_client_was_told_is_lost_whatever_happens_to_processes_disks_and_files(tmp_path):
    told, done = torture("crash", "--rounds", 20, "--seed", 1, "--keep", tmp_path / "network")
    assert told["faults"] == []
    assert told["lost"] == []
    assert done.returncode == 0, done.stderr
    assert told["rounds"] == 20
    assert told["receipts checked"] > told["receipts given"] > 0
    assert told["states compared"] > 20
    assert told["blocks verified"] == 20
    assert told["refusals"]
