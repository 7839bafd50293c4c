"""A chain begins with a state file once; a load that was cut short is made again."""

import asyncio
from types import SimpleNamespace

import pytest

from devnet.config import StorageSettings
from devnet.errors import ConfigError, UnavailableError
from devnet.roles.state_files import PENDING, StateToLoad, save

NEW, GONE_ON = SimpleNamespace(tip=None), SimpleNamespace(tip=(3, 1))
FILE = '{"accounts":{"0x0000000000000000000000000000000000000001":{"balance":"0x1"}}}'


class Files:
    """What the node would do with files."""

    def __init__(self, failure=None):
        self.loaded = []
        self.failure = failure

    async def load(self, contents):
        if self.failure is not None:
            raise self.failure
        self.loaded.append(contents.accounts)

    def write(self, form, *, gzip):
        yield f"{form} ".encode()
        if self.failure is not None:
            raise self.failure
        yield b"gzipped" if gzip else b"plain"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "state.json"
    path.write_text(FILE)
    return path


def begin(tmp_path, store, failure=None, **settings):
    """What a start of the node loads."""
    files = Files(failure)
    begins_with = StateToLoad(tmp_path)
    begins_with.read(StorageSettings(**{name: str(path) for name, path in settings.items()}), store)
    asyncio.run(begins_with.load(files))
    return files.loaded


@pytest.mark.parametrize("setting", ["state", "load_state"])
def test_a_new_chain_begins_with_the_file_and_one_that_is_there_does_not(tmp_path, file, setting):
    assert begin(tmp_path, NEW, **{setting: file}) == [1]
    assert not (tmp_path / PENDING).exists()
    assert begin(tmp_path, GONE_ON, **{setting: file}) == []
    assert begin(tmp_path, NEW) == []


def test_a_load_that_was_cut_short_is_made_again(tmp_path, file):
    with pytest.raises(UnavailableError):
        begin(tmp_path, NEW, UnavailableError("killed"), load_state=file)
    assert begin(tmp_path, GONE_ON, load_state=file) == [1]
    assert begin(tmp_path, GONE_ON, load_state=file) == []


def test_a_load_that_is_wanted_no_more_is_not_made(tmp_path, file):
    with pytest.raises(UnavailableError):
        begin(tmp_path, NEW, UnavailableError("killed"), load_state=file)
    assert begin(tmp_path, GONE_ON) == []
    assert begin(tmp_path, GONE_ON, load_state=file) == []


def test_the_file_of_both_need_not_be_there_yet(tmp_path):
    assert begin(tmp_path, NEW, state=tmp_path / "absent.json") == []
    with pytest.raises(ConfigError, match="cannot read the state file"):
        begin(tmp_path, NEW, load_state=tmp_path / "absent.json")
    assert not (tmp_path / PENDING).exists()


def test_a_bad_file_leaves_no_mark(tmp_path, file):
    file.write_text(FILE[:-3])
    with pytest.raises(ConfigError, match=r"state\.json is no state file: .*EOF while parsing"):
        begin(tmp_path, NEW, load_state=file)
    assert not (tmp_path / PENDING).exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [("s.json", "anvil plain"), ("s.json.gz", "anvil gzipped"), ("s.zst", "megaeth plain")],
)
@pytest.mark.parametrize("setting", ["state", "dump_state"])
def test_the_state_is_saved_in_the_form_that_the_name_asks_for(tmp_path, name, content, setting):
    save(Files(), StorageSettings(**{setting: str(tmp_path / name)}))
    assert (tmp_path / name).read_text() == content


def test_a_file_that_cannot_be_written_leaves_the_one_before(tmp_path, file):
    save(Files(), StorageSettings())
    settings = StorageSettings(dump_state=str(file))
    with pytest.raises(UnavailableError, match=r"cannot save the state to .*No space"):
        save(Files(OSError(28, "No space left on device")), settings)
    assert file.read_text() == FILE
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]
