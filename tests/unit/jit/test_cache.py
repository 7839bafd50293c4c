import os
import stat

import pytest

from devnet.jit import cache as cache_module
from devnet.jit.cache import Cache, Entry
from devnet.jit.selection import Part

HASH, OTHER = b"\x01" * 32, b"\x02" * 32


def entries(cache: Cache) -> dict[str, Entry]:
    return {entry.made.code_hash: entry for entry in cache.entries()}


def test_object_survives_with_what_is_known_of_it(tmp_path):
    Cache(tmp_path / "native", "rex6").store(HASH, 3, b"object", size=6, seconds=0.5)
    [entry] = Cache(tmp_path / "native", "rex6").entries()
    assert entry.body == b"object"
    made = entry.made
    assert (made.code_hash, made.code_size, made.size, made.seconds) == (HASH.hex(), 3, 6, 0.5)


def test_refusal_survives(tmp_path):
    Cache(tmp_path, "rex6").refuse(HASH, 3, "too large")
    assert entries(Cache(tmp_path, "rex6"))[HASH.hex()].made.refused == "too large"


def test_everything_is_private_to_the_user(tmp_path):
    directory = tmp_path / "native"
    Cache(directory, "rex6").store(HASH, 3, b"object", size=6, seconds=0.5)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()} == {0o600}


@pytest.mark.parametrize("place", [0, 20, 60, -1])
def test_tampered_file_is_removed_and_not_used(tmp_path, place, caplog):
    cache = Cache(tmp_path, "rex6")
    cache.store(HASH, 3, b"object", size=6, seconds=0.5)
    [path] = tmp_path.glob("*.native")
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert list(cache.entries()) == []
    assert not path.exists()
    assert "not what was written here" in caplog.text


def test_file_of_another_contract_is_not_taken_for_this_one(tmp_path):
    cache = Cache(tmp_path, "rex6")
    cache.store(HASH, 3, b"object", size=6, seconds=0.5)
    [path] = tmp_path.glob("*.native")
    cache.store(OTHER, 3, b"other", size=5, seconds=0.5)
    [other] = [one for one in tmp_path.glob("*.native") if one != path]
    path.write_bytes(other.read_bytes())
    assert set(entries(cache)) == {OTHER.hex()}


def test_file_made_with_another_secret_is_not_used(tmp_path):
    Cache(tmp_path / "a", "rex6").store(HASH, 3, b"object", size=6, seconds=0.5)
    [path] = (tmp_path / "a").glob("*.native")
    cache = Cache(tmp_path / "b", "rex6")
    (tmp_path / "b" / path.name).write_bytes(path.read_bytes())
    assert list(cache.entries()) == []


@pytest.mark.parametrize("what", ["spec", "compiler", "processor"])
def test_object_for_other_rules_compiler_or_processor_is_not_used(tmp_path, monkeypatch, what):
    Cache(tmp_path, "rex6").store(HASH, 3, b"object", size=6, seconds=0.5)
    if what == "compiler":
        monkeypatch.setattr(cache_module, "COMPILER_VERSION", 10**6)
    elif what == "processor":
        monkeypatch.setattr(cache_module, "processor", lambda: "another")
    assert list(Cache(tmp_path, "rex5" if what == "spec" else "rex6").entries()) == []


def test_what_was_used_longest_ago_makes_room(tmp_path):
    cache = Cache(tmp_path, "rex6", most_bytes=30_000)
    for number in range(4):
        cache.store(bytes([number]) * 32, 3, bytes(9_000), size=9_000, seconds=0.1)
        for path in tmp_path.glob("*.native"):
            os.utime(path, (path.stat().st_mtime - 10,) * 2)
    assert set(entries(cache)) == {(bytes([number]) * 32).hex() for number in (1, 2, 3)}


def test_what_another_process_keeps_is_found(tmp_path):
    here, there = Cache(tmp_path, "rex6"), Cache(tmp_path, "rex6")
    assert here.find(HASH) is None
    there.store(HASH, 3, b"object", size=6, seconds=0.5)
    there.refuse(OTHER, 3, "too large")
    found = here.find(HASH)
    assert found is not None and found.body == b"object"
    refused = here.find(OTHER)
    assert refused is not None and refused.made.refused == "too large"


def test_nothing_unfinished_stays(tmp_path):
    cache = Cache(tmp_path, "rex6", most_bytes=2_000)
    (tmp_path / "left-by-a-killed-process.tmp").write_bytes(bytes(1_900))
    cache.store(HASH, 3, b"object", size=6, seconds=0.5)
    assert {path.suffix for path in tmp_path.iterdir()} == {"", ".native"}


def test_object_with_more_of_a_contract_takes_the_place_of_one_with_less(tmp_path):
    cache = Cache(tmp_path, "rex6")
    less, more = (Part(whole=False, kept=kept, compiled=5, left_out=9) for kept in ((0, 4), (0, 4, 9)))
    for part, body in ((less, b"less"), (more, b"more")):
        cache.store(HASH, 3, body, size=6, seconds=0.5, part=part)
        found = cache.find(HASH)
        assert (found.body, found.made.part) == (body, part)
    assert len(list(tmp_path.glob("*.native"))) == 1
    assert [one.made.part for one in Cache(tmp_path, "rex6").entries()] == [more]
