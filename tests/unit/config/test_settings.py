"""What a setting may be, where it may come from, and what the message says when it is wrong."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devnet.config import MAX_CHAIN_ID, ORDERS, SPECS, TEST_MNEMONIC, Config, known_settings
from devnet.errors import ConfigError
from devnet.settings import config_from_json, config_to_json, load_config, render_toml


@pytest.fixture
def toml(tmp_path):
    """Load a devnet.toml with the given text."""

    def load(text, **sources):
        (tmp_path / "devnet.toml").write_text(text)
        return load_config(cwd=tmp_path, **sources)

    return load


def refusal(load, *arguments, **keywords):
    with pytest.raises(ConfigError) as caught:
        load(*arguments, **keywords)
    return caught.value


def test_without_any_source_the_defaults_hold(tmp_path):
    assert load_config(cwd=tmp_path) == Config()


def test_flags_win_over_variables_over_the_file_over_defaults(toml):
    text = "[blocks]\nmini_block_time_ms = 20\n[rpc]\nport = 1111\n[chain]\nchain_id = 1"
    config = toml(
        text, variables={"MEGAETH_PORT": "2222", "MEGAETH_CHAIN_ID": "2"}, flags={"chain.chain_id": 3}
    )
    assert (config.blocks.mini_block_time_ms, config.rpc.port, config.chain.chain_id) == (20, 2222, 3)
    assert config.chain.spec == Config().chain.spec


def test_a_named_file_is_read_instead_of_the_one_in_the_working_directory(tmp_path, toml):
    other = tmp_path / "other.toml"
    other.write_text("[rpc]\nport = 7")
    assert toml("[rpc]\nport = 6", file=other).rpc.port == 7


def test_a_missing_named_file_is_said_to_be_missing(tmp_path):
    error = refusal(load_config, file=tmp_path / "nowhere.toml")
    assert "no such file" in error.what
    assert "init" in error.hint


def test_an_unknown_setting_names_its_line_and_the_likely_one(toml):
    error = refusal(toml, "[chain]\nspec = 'rex5'\nchainid = 5")
    assert "'chainid'" in error.what
    assert error.why.endswith("devnet.toml line 3")
    assert "'chain_id'" in error.hint


def test_a_setting_in_the_wrong_section_is_sent_to_the_right_one(toml):
    assert "[rpc]" in refusal(toml, "[chain]\nport = 1").hint
    assert "[rpc]" in refusal(toml, "port = 1").hint


def test_an_unknown_section_is_refused(toml):
    assert "'blocks'" in refusal(toml, "[block]\nblock_time_s = 1").hint


def test_a_section_given_as_a_value_is_refused(toml):
    assert "section" in refusal(toml, "chain = 5").what


def test_invalid_toml_shows_the_offending_line(toml):
    error = refusal(toml, "[chain]\nchain_id = = 5\n")
    assert "not valid TOML" in error.what
    assert "2 | chain_id = = 5" in error.why


def test_a_file_that_is_not_text_is_refused(tmp_path):
    (tmp_path / "devnet.toml").write_bytes(b"\xff\xfe\x00")
    assert "cannot read" in refusal(load_config, cwd=tmp_path).what


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("[chain]\nchain_id = 'x'", "a whole number"),
        ("[chain]\nchain_id = true", "a whole number"),
        ("[chain]\nchain_id = 1.5", "a whole number"),
        ("[blocks]\nblock_time_s = '1s'", "a number"),
        ("[blocks]\nblock_time_s = nan", "a finite number"),
        ("[storage]\nephemeral = 'maybe'", "true or false"),
        ("[storage]\nephemeral = 1", "true or false"),
        ("[accounts]\nmnemonic = 5", "a text"),
        ("[rpc]\nhost = ''", "a text"),
        ("[rpc]\nallow_origins = [1]", "a list of texts"),
        ("[chain]\nbucket_capacity = 5", "a table"),
        ("[chain]\nbucket_capacity = { x = 512 }", "ID:SLOTS"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_with_what_was_wanted(toml, text, wanted):
    error = refusal(toml, text)
    assert wanted in error.what
    assert "devnet.toml" in error.why


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        ("chain.chain_id", 0),
        ("chain.chain_id", MAX_CHAIN_ID + 1),
        ("rpc.port", -1),
        ("rpc.port", 65_536),
        ("blocks.mini_block_time_ms", 0),
        ("accounts.balance_eth", -1.0),
        ("accounts.count", -1),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_range(flag, value):
    error = refusal(load_config, {flag: value})
    assert "out of range" in error.what
    assert "between" in error.why or "or more" in error.why


@pytest.mark.parametrize(
    ("flag", "value", "said"),
    [
        ("chain.genesis_timestamp", -5, "0 or more, 2^63 - 1 at most"),
        ("chain.chain_id", 0, "1 or more, 2^63 - 37 at most"),
        ("network.snapshot_behind", 0, "1 or more, 2^63 at most"),
        ("rpc.port", -1, "between 0 and 65_535"),
    ],
)
def test_a_range_is_said_in_words_that_people_read(flag, value, said):
    assert refusal(load_config, {flag: value}).why.endswith(f"has to be {said}")


@pytest.mark.parametrize("written", ["rex5", "REX5", "Rex5", "rex_5"])
def test_a_spec_may_be_written_in_any_case(written):
    assert load_config({"chain.spec": written}).chain.spec == "rex5"


@pytest.mark.parametrize("written", ["mini-rex", "MiniRex", "mini_rex", "MINI_REX"])
def test_mini_rex_has_many_spellings(written):
    assert load_config({"chain.spec": written}).chain.spec == "mini-rex"


def test_an_unknown_spec_lists_the_known_ones():
    error = refusal(load_config, {"chain.spec": "rex9"})
    assert "unknown spec 'rex9'" in error.what
    assert all(spec in error.why for spec in SPECS)


def test_a_wrong_variable_is_named():
    assert "MEGAETH_PORT" in refusal(load_config, variables={"MEGAETH_PORT": "many"}).why


def test_an_empty_variable_counts_as_not_set(tmp_path):
    assert load_config(variables={"MEGAETH_PORT": ""}, cwd=tmp_path) == Config()


def test_numbers_in_variables_may_be_hexadecimal():
    assert load_config(variables={"MEGAETH_CHAIN_ID": "0x10e6"}).chain.chain_id == 4326


def test_paths_are_relative_to_the_file_that_sets_them(tmp_path, toml):
    assert toml("[storage]\ndata_dir = 'kept'").storage.data_dir == str(tmp_path / "kept")


def test_paths_of_flags_are_relative_to_the_working_directory(tmp_path):
    config = load_config({"chain.genesis": "g.json"}, cwd=tmp_path)
    assert config.chain.genesis == str(tmp_path / "g.json")


def test_bucket_capacities_read_the_same_from_every_source(toml):
    wanted = ((70_000, 512), (13_438_721, 1024))
    table = '[chain]\nbucket_capacity = { "13438721" = 1024, "70000" = 512 }'
    assert toml(table).chain.bucket_capacity == wanted
    assert (
        load_config({"chain.bucket_capacity": ["13438721:1024", "70000:512"]}).chain.bucket_capacity == wanted
    )
    text = {"MEGAETH_BUCKET_CAPACITY": "13438721:1024,70000:512"}
    assert load_config(variables=text).chain.bucket_capacity == wanted


@pytest.mark.parametrize("pair", ["100:512", "16777216:512", "70000:300", "70000:128"])
def test_an_impossible_bucket_is_refused(pair):
    refusal(load_config, {"chain.bucket_capacity": [pair]})


def test_the_number_of_data_buckets_divides_the_networks():
    error = refusal(load_config, {"chain.salt_data_buckets": 1000})
    assert "1020" in error.hint
    for number in (1, 1020, 65_536, 16_711_680):
        assert load_config({"chain.salt_data_buckets": number}).chain.salt_data_buckets == number


def test_a_small_chain_has_only_its_first_buckets():
    chosen = {"chain.salt_data_buckets": 16, "chain.bucket_capacity": ["65552:512"]}
    assert "65551" in refusal(load_config, chosen).why


def test_an_evm_block_is_not_shorter_than_a_mini_block():
    error = refusal(load_config, {"blocks.block_time_s": 0.005})
    assert "mini-block" in error.what


def test_the_mnemonic_has_a_bip39_length():
    assert "2 words" in refusal(load_config, {"accounts.mnemonic": "two words"}).why


def test_ephemeral_and_a_data_directory_contradict_each_other():
    refusal(load_config, {"storage.ephemeral": True, "storage.data_dir": "x"})


def test_blocks_with_each_transaction_and_without_any_contradict_each_other():
    refusal(load_config, {"blocks.automine": True, "blocks.mining": False})


@pytest.mark.parametrize("setting", ["storage.state", "storage.load_state"])
def test_a_chain_without_interventions_begins_with_no_state_file(setting):
    refusal(load_config, {setting: "state.json", "chain.interventions": False})
    config = load_config({"storage.dump_state": "state.json", "chain.interventions": False})
    assert config.storage.saves_state


@pytest.mark.parametrize(
    ("standbys", "durable_on", "disks"),
    [(0, None, 1), (0, 1, 1), (1, None, 2), (1, 1, 1), (1, 2, 2), (2, None, 2), (2, 3, 3)],
)
def test_what_is_shown_is_on_two_disks_where_there_are_standbys(standbys, durable_on, disks):
    chosen = {} if durable_on is None else {"network.durable_on": durable_on}
    assert load_config({"network.standbys": standbys, **chosen}).network.disks == disks


@pytest.mark.parametrize(("standbys", "durable_on"), [(0, 2), (1, 3), (2, 4)])
def test_nothing_can_be_on_more_disks_than_there_are(standbys, durable_on):
    error = refusal(load_config, {"network.standbys": standbys, "network.durable_on": durable_on})
    assert f"there would be {1 + standbys}" in error.why
    assert f"--standby {durable_on - 1}" in error.hint


@pytest.mark.parametrize("setting", ["fork.url", "storage.state", "storage.load_state", "storage.dump_state"])
def test_what_only_the_sequencer_can_do_excludes_standbys(setting):
    error = refusal(load_config, {"network.standbys": 1, setting: "http://127.0.0.1:1"})
    assert "standby" in error.what
    assert error.why
    assert error.hint


class TestKeysThatEveryoneKnows:
    OWN = "legal winner thank year wave sausage worth useful legal winner thank yellow"

    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
    def test_are_refused_on_an_address_that_others_reach(self, host):
        error = refusal(load_config, {"rpc.host": host})
        assert "--expose-test-keys" in error.hint

    @pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
    def test_are_fine_on_loopback(self, host):
        assert load_config({"rpc.host": host}).rpc.host == host

    def test_may_be_exposed_on_demand(self):
        assert load_config({"rpc.host": "0.0.0.0", "rpc.expose_test_keys": True}).rpc.expose_test_keys

    def test_are_not_in_play_with_a_mnemonic_of_ones_own(self):
        assert load_config({"rpc.host": "0.0.0.0", "accounts.mnemonic": self.OWN}).rpc.host == "0.0.0.0"

    def test_are_not_in_play_without_accounts(self):
        assert load_config({"rpc.host": "0.0.0.0", "accounts.count": 0}).rpc.host == "0.0.0.0"


def test_the_balance_in_wei_is_exact():
    assert load_config({"accounts.balance_eth": 0.1}).balance_wei == 10**17
    assert Config().balance_wei == 10_000 * 10**18


def test_the_written_file_explains_every_setting_and_reads_back_as_the_defaults(toml):
    text = render_toml(Config())
    for setting in known_settings():
        assert setting.about.doc in text
    assert toml(text) == Config()


def test_the_written_file_with_every_comment_removed_is_still_the_defaults(toml):
    lines = render_toml(Config()).splitlines()
    optional = (  # examples, not defaults
        *("# genesis", "# data_dir", "# url", "# block_number"),
        *("# state", "# load_state", "# dump_state", "# snapshot", "# history =", "# durable_on"),
    )
    live = [
        line.removeprefix("# ") if " = " in line and not line.startswith(optional) else line for line in lines
    ]
    assert toml("\n".join(live)) == Config()


configs = st.builds(
    lambda chain_id, spec, port, mini, origins, balance, order: load_config(
        {
            "chain.chain_id": chain_id,
            "chain.spec": spec,
            "rpc.port": port,
            "blocks.mini_block_time_ms": mini,
            "rpc.allow_origins": origins,
            "accounts.balance_eth": balance,
            "blocks.order": order,
        }
    ),
    st.integers(1, MAX_CHAIN_ID),
    st.sampled_from(SPECS),
    st.integers(0, 65_535),
    st.integers(1, 1000),
    st.lists(st.text("abc:/.*\"\\'é", min_size=1), max_size=3),
    st.integers(0, 10**9).map(float),
    st.sampled_from(ORDERS),
)


@given(configs)
def test_any_configuration_survives_json(config):
    assert config_from_json(json.loads(json.dumps(config_to_json(config)))) == config


@given(configs)
def test_any_configuration_survives_the_file(config):
    tree = tomllib.loads(render_toml(config))
    assert config_from_json(tree) == config


def test_the_usual_mnemonic_is_the_default():
    assert Config().accounts.mnemonic == TEST_MNEMONIC
    assert Config().uses_test_keys
