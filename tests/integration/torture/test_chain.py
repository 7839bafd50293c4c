"""Two hundred blocks of every kind of transaction: nobody complains, everybody agrees, every block can be verified."""

from tests.support.torture import torture


def test_every_kind_of_transaction_leaves_a_network_that_agrees(tmp_path):
    told, done = torture("chain", "--blocks", 200, "--seed", 1, "--keep", tmp_path / "network")
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
