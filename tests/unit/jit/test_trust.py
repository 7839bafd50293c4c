"""Code of other users is not run, not even by root."""

import os
import stat

import pytest

from devnet.jit import trust
from devnet.jit.cache import Cache
from devnet.jit.trust import Untrusted, read_trusted, require_trusted

HASH = b"\x01" * 32


@pytest.fixture
def somebody_else(monkeypatch):
    """What exists until now belongs to another user than the one that we are from here on."""

    def become_another():
        me = os.geteuid()
        monkeypatch.setattr(trust.os, "geteuid", lambda: me + 1)

    return become_another


@pytest.fixture
def native(tmp_path):
    directory = tmp_path / "data" / "native"
    Cache(directory, "rex6").store(HASH, 3, b"forged", size=6, seconds=0.5)
    return directory


def test_a_directory_of_ones_own_is_used(native):
    [entry] = Cache(native, "rex6").entries()
    assert entry.body == b"forged"


def test_a_directory_that_another_user_has_made_is_not_used(native, somebody_else):
    somebody_else()
    with pytest.raises(Untrusted, match=r"not to you.*--data-dir"):
        Cache(native, "rex6")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("level", ["data/native", "data"])
def test_root_does_not_take_over_code_from_below_a_directory_of_another_user(native, tmp_path, level):
    os.chown(tmp_path / level, 1234, 1234)
    with pytest.raises(Untrusted, match="user 1234"):
        Cache(native, "rex6")
    assert native.stat().st_uid in (0, 1234)


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_a_directory_below_one_that_everybody_can_write_to_is_not_used(native, mode):
    native.parent.chmod(mode)
    with pytest.raises(Untrusted, match=r"others can write to .*data"):
        Cache(native, "rex6")


def test_a_directory_below_a_sticky_one_is_as_safe_as_itself(native):
    native.parent.chmod(0o1777)
    require_trusted(native)


def test_a_group_that_is_the_users_own_is_no_danger_and_any_other_is(native, monkeypatch):
    native.parent.chmod(0o770)
    monkeypatch.setattr(trust, "_is_private", lambda group, user: True)
    require_trusted(native)
    monkeypatch.setattr(trust, "_is_private", lambda group, user: False)
    with pytest.raises(Untrusted, match="others can write"):
        require_trusted(native)


def test_what_a_symbolic_link_stands_in_counts_too(native, tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "open" / "link").symlink_to(native)
    with pytest.raises(Untrusted, match=r"others can write to .*open"):
        require_trusted(tmp_path / "open" / "link")


def test_a_file_that_others_can_write_to_is_no_code_of_ours(native):
    [path] = native.glob("*.native")
    path.chmod(0o666)
    assert list(Cache(native, "rex6").entries()) == []


def test_a_link_in_the_place_of_a_file_is_not_followed(native, tmp_path):
    [path] = native.glob("*.native")
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    assert list(Cache(native, "rex6").entries()) == []


def test_a_pipe_in_the_place_of_a_file_holds_nobody_up(native):
    [path] = native.glob("*.native")
    path.unlink()
    os.mkfifo(path, 0o600)
    with pytest.raises(Untrusted, match="no file"):
        read_trusted(path)


def test_a_secret_that_others_can_read_is_none(native):
    (native / "secret").chmod(0o644)
    with pytest.raises(Untrusted, match="others can read"):
        Cache(native, "rex6")
    assert stat.S_IMODE((native / "secret").stat().st_mode) == 0o644
