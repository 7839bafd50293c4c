"""State files are told by what they begin with, and refused as a whole, with the reason."""

import gzip
import json
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from devnet import state_file
from devnet._engine import StateContents
from devnet.errors import ConfigError
from devnet.state_file import MAGIC, Form, StateFileError, read, read_file, write, write_pieces

ACCOUNT = {"nonce": 1, "balance": "0x10", "code": "0x6001", "storage": {"0x1": "0x2"}}
ADDRESSES = [f"0x{number:040x}" for number in range(1, 2_500)]
DOCUMENT = json.dumps({"accounts": dict.fromkeys(ADDRESSES, ACCOUNT), "blocks": []}).encode()
PIECES = StateContents.from_json(DOCUMENT).pieces()


def ours(pieces=PIECES):
    return b"".join(write_pieces([pieces[:2], pieces[2:]], {"chainId": 7}))


class Dump:
    """A state that stands still, in two parts."""

    def __init__(self):
        self.parts = [PIECES[:1], PIECES[1:]]
        self.members = [b'"0x%040x":{}' % number for number in (1, 2)]

    def pieces(self):
        return self.parts.pop(0) if self.parts else None

    def json(self, is_first):
        return (b"" if is_first else b",") + self.members.pop(0) if self.members else None


@pytest.mark.parametrize(
    "data", [DOCUMENT, gzip.compress(DOCUMENT, mtime=0), ours()], ids=["json", "gzip", "ours"]
)
def test_every_form_holds_the_same(data):
    contents = read(data)
    assert (contents.accounts, contents.slots) == (len(ADDRESSES), len(ADDRESSES))
    assert contents.pieces() == PIECES


def test_what_is_written_is_read():
    assert read(b"".join(write(Dump(), Form.MEGAETH, {}, gzip=True))).pieces() == PIECES
    plain = b"".join(write(Dump(), Form.ANVIL, {}, gzip=False))
    assert set(json.loads(plain)["accounts"]) == set(ADDRESSES[:2])
    assert gzip.decompress(b"".join(write(Dump(), Form.ANVIL, {}, gzip=True))) == plain


def test_our_form_says_where_it_comes_from():
    content = zstandard.ZstdDecompressor().stream_reader(ours()).read()
    assert content.startswith(MAGIC + b'{"chainId":7}\n')


def zstd(content):
    return zstandard.ZstdCompressor().compress(content)


FLIPPED = bytearray(ours())
FLIPPED[len(FLIPPED) // 2] ^= 1


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "EOF while parsing"),
        (b"garbage", "expected value at line 1 column 1"),
        (b'{"blocks":[]}', "missing field `accounts`"),
        (b'{"accounts":{"0x01":{}}}', '"0x01" is no address at line 1 column'),
        (DOCUMENT[:1000], "EOF while parsing"),
        (gzip.compress(DOCUMENT, mtime=0)[:-9], "the gzip data ends too early"),
        (gzip.compress(DOCUMENT, mtime=0) + b"!", "1 bytes follow the gzip data"),
        (b"\x1f\x8b" + bytes(20), "the gzip data is damaged"),
        (gzip.compress(b"garbage", mtime=0), "expected value"),
        (ours()[:-60], "the zstd data ends too early, after"),
        (ours()[:-1], "the file is not whole"),
        (ours() + b"!!", "2 bytes follow the zstd data"),
        (bytes(FLIPPED), "damaged"),
        (zstd(b"something else"), "does not begin with 'megaeth-state 1'"),
        (zstd(MAGIC), "too early"),
        (zstd(MAGIC + b"{}\n" + bytes(4) + b'{"pieces":1}\n'), "but there are 0 pieces"),
        (zstd(MAGIC + b"{}\n" + bytes(4)), "too early"),
        (zstd(MAGIC + b"{}\n" + (9).to_bytes(4) + bytes(3)), "too early"),
        (ours([b"no piece"]), "piece 1: these are no accounts"),
    ],
)
def test_what_is_wrong_is_said(data, why):
    with pytest.raises(StateFileError, match="this is no state file") as refused:
        read(data)
    assert why in str(refused.value)


def test_a_bomb_is_taken_for_what_it_is(monkeypatch):
    monkeypatch.setattr(state_file, "MAX_BYTES", 1 << 20)
    for bomb in (gzip.compress(bytes(1 << 21)), zstd(bytes(1 << 21))):
        with pytest.raises(StateFileError, match="more than 1048576 bytes"):
            read(bomb)
    with pytest.raises(StateFileError, match="expected value"):
        read(gzip.compress(bytes(1 << 20)))


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_refused(data):
    for head in (b"", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"):
        with pytest.raises(StateFileError):
            read(head + data)
    with pytest.raises(StateFileError):
        read(zlib.compress(data, wbits=31))
    with pytest.raises(StateFileError):
        read(zstd(MAGIC + data))


def test_a_file_is_named_when_it_is_no_use(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the state file .*absent\.json: No such file"):
        read_file(tmp_path / "absent.json")
    (tmp_path / "garbage.json").write_text("garbage")
    with pytest.raises(ConfigError, match=r"garbage.json is no state file: expected value at line 1"):
        read_file(tmp_path / "garbage.json")


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.json", Form.ANVIL), ("a.json.gz", Form.ANVIL), ("a", Form.ANVIL), ("a.zst", Form.MEGAETH)],
)
def test_the_name_of_a_file_asks_for_a_form(tmp_path, name, form):
    assert Form.of(tmp_path / name) is form
