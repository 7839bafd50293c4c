"""What a check takes, as nodes give it."""

from devnet.proving.material import block_records

ANSWER = {"block": "0x02", "minis": ["0x0a", "0x0b"]}


def test_a_blocks_records_follow_each_other_as_in_the_log():
    assert block_records({**ANSWER, "parent": "0x01"}) == (b"\x01", b"\x0a", b"\x0b", b"\x02")


def test_block_1_has_no_parents_record():
    assert block_records({**ANSWER, "parent": None}) == (b"\x0a", b"\x0b", b"\x02")
