"""Reading and writing the configuration tree: TOML files, environment variables, flags, JSON for the roles.

Every source becomes the same thing, a map from settings to raw values that remember where they come from, so
that one checker judges them all and its message can point at the line, the variable or the flag.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from devnet.config import (
    BUCKETS,
    FIRST_DATA_BUCKET,
    MIN_BUCKET_SLOTS,
    NOT_PROVEN,
    SALT_DATA_BUCKETS,
    Config,
    KnownSetting,
    Setting,
    ValidationMode,
    VerifyMode,
    known_settings,
    section_type,
)
from devnet.errors import ConfigError

FILE_NAME = "devnet.toml"

Pairs = tuple[tuple[int, int], ...]
_TYPE_ENDS = 2**53
"""Maxima from here on are what a type holds, not what anybody would choose."""
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


@dataclass(frozen=True)
class Raw:
    """A value as it was given, and where."""

    value: Any
    source: str
    base: Path
    """What a relative path is relative to."""


def load_config(
    flags: Mapping[str, object] | None = None,
    variables: Mapping[str, str] | None = None,
    file: Path | None = None,
    cwd: Path | None = None,
) -> Config:
    """Merge all sources into a valid tree. `flags` maps `section.name` to a value; None means not given.

    Without `file`, devnet.toml of the working directory is read if there is one.
    """
    here = cwd or Path.cwd()
    raw: dict[str, Raw] = {}
    chosen = file or (here / FILE_NAME if (here / FILE_NAME).is_file() else None)
    if chosen is not None:
        raw.update(_read_file(chosen))
    raw.update(_read_variables(variables or {}, here))
    for setting in known_settings():
        value = (flags or {}).get(setting.dotted)
        if value is not None:
            raw[setting.dotted] = Raw(value, setting.about.flag, here)
    return _build(raw)


def config_to_json(config: Config) -> dict[str, Any]:
    """The tree as plain JSON."""
    return asdict(config)


def config_from_json(tree: Mapping[str, Any]) -> Config:
    """The tree from `config_to_json`, checked like any other source."""
    return _build(dict(_flatten(tree, "configuration", Path.cwd(), "")))


def render_toml(config: Config) -> str:
    """A devnet.toml that explains every setting; those at their default are commented out."""
    lines = [
        "# Settings of a MegaETH devnet: `megaeth devnet up` in this directory reads them.",
        "# Flags win over MEGAETH_* variables, those over this file, this file over the defaults shown here.",
    ]
    section = ""
    for setting in known_settings():
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        value = getattr(getattr(config, section), setting.name)
        lines.append(f"# {setting.about.doc}{_allowed(setting)}")
        line = f"{setting.name} = {_toml_value(_example(setting) if value is None else value)}"
        lines.append(line if value != setting.default else f"# {line}")
    return "\n".join(lines) + "\n"


# --- sources


def _read_file(path: Path) -> dict[str, Raw]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"no such file: {path}", "", "megaeth devnet init writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}", str(error)) from error
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} is not valid TOML", _with_line(str(error), text), "correct that line"
        ) from error
    return dict(_flatten(tree, str(path), path.absolute().parent, text))


def _with_line(message: str, text: str) -> str:
    found = re.search(r"at line (\d+)", message)
    lines = text.splitlines()
    if found is None or not 1 <= int(found[1]) <= len(lines):
        return message
    return f"{message}\n  {found[1]} | {lines[int(found[1]) - 1]}"


def _flatten(tree: Mapping[str, Any], origin: str, base: Path, text: str) -> list[tuple[str, Raw]]:
    known = {setting.dotted: setting for setting in known_settings()}
    sections = {setting.section for setting in known.values()}
    found: list[tuple[str, Raw]] = []
    for section, body in tree.items():
        where = _place(origin, text, section)
        if section not in sections:
            homes = [name for name in known if name.endswith(f".{section}")]
            hint = (
                f"it belongs under [{homes[0].split('.')[0]}]" if homes else _did_you_mean(section, sections)
            )
            raise ConfigError(f"unknown section or setting '{section}'", where, hint)
        if not isinstance(body, Mapping):
            raise ConfigError(
                f"'{section}' is a section, not a value", where, f"write [{section}] on its own line"
            )
        for name, value in body.items():
            dotted = f"{section}.{name}"
            where = _place(origin, text, name)
            if dotted not in known:
                names = [entry.split(".")[1] for entry in known if entry.startswith(f"{section}.")]
                elsewhere = [entry for entry in known if entry.endswith(f".{name}")]
                hint = (
                    f"it belongs under [{elsewhere[0].split('.')[0]}]"
                    if elsewhere
                    else _did_you_mean(name, names)
                )
                raise ConfigError(f"unknown setting '{name}' in [{section}]", where, hint)
            if value is not None:
                found.append((dotted, Raw(value, f"{dotted} in {where}", base)))
    return found


def _place(origin: str, text: str, key: str) -> str:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[?\s*\"?{re.escape(key)}\"?\s*[=\].]", line):
            return f"{origin} line {number}"
    return origin


def _did_you_mean(word: str, known: Any) -> str:  # noqa: ANN401
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else f"known here: {', '.join(sorted(known))}"


def _read_variables(variables: Mapping[str, str], here: Path) -> dict[str, Raw]:
    return {
        setting.dotted: Raw(variables[setting.about.variable], setting.about.variable, here)
        for setting in known_settings()
        if variables.get(setting.about.variable)
    }


# --- checking


def _build(raw: Mapping[str, Raw]) -> Config:
    sections: dict[str, dict[str, Any]] = {}
    for setting in known_settings():
        if (given := raw.get(setting.dotted)) is not None:
            sections.setdefault(setting.section, {})[setting.name] = _checked(setting, given)
    config = Config(
        **{
            section.name: section_type(section)(**sections.get(section.name, {}))
            for section in fields(Config)
        }
    )
    _check_together(config)
    return config


def _checked(setting: KnownSetting, raw: Raw) -> Any:  # noqa: ANN401
    """The value in its proper type, or an error that names its source."""
    convert: dict[Any, Callable[[KnownSetting, Raw], Any]] = {
        int: _integer,
        int | None: _integer,
        float: _number,
        bool: _boolean,
        str: _text,
        str | None: _text,
        VerifyMode: _text,
        ValidationMode: _text,
        tuple[str, ...]: _texts,
        Pairs: _capacities,
    }
    value = convert[setting.type](setting, raw)
    about = setting.about
    if about.choices:
        folded = value.lower().replace("_", "-")
        by_name = {choice.replace("-", ""): choice for choice in about.choices}
        if folded.replace("-", "") not in by_name:
            hint = _did_you_mean(folded, about.choices)
            raise ConfigError(
                f"unknown {setting.name} '{value}'",
                f"{raw.source} has to be one of {', '.join(about.choices)}",
                hint if "known here" not in hint else "",
            )
        return by_name[folded.replace("-", "")]
    if (about.minimum is not None and value < about.minimum) or (
        about.maximum is not None and value > about.maximum
    ):
        raise ConfigError(
            f"{setting.name} is out of range: {value}",
            f"{raw.source} has to be {_range(about)}",
        )
    if about.path:
        value = str((raw.base / Path(value).expanduser()).absolute())
    return value


def _wrong(setting: KnownSetting, raw: Raw, wanted: str) -> ConfigError:
    return ConfigError(f"{setting.name} has to be {wanted}", f"{raw.source} is {raw.value!r}")


def _integer(setting: KnownSetting, raw: Raw) -> int:
    value = raw.value
    if isinstance(value, str):
        try:
            return int(value.replace("_", ""), 0)
        except ValueError:
            raise _wrong(setting, raw, "a whole number") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong(setting, raw, "a whole number")
    return value


def _number(setting: KnownSetting, raw: Raw) -> float:
    value = raw.value
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong(setting, raw, "a number")
    try:
        number = float(value)
    except ValueError:
        raise _wrong(setting, raw, "a number") from None
    if number != number or number in (float("inf"), float("-inf")):
        raise _wrong(setting, raw, "a finite number")
    return number


def _boolean(setting: KnownSetting, raw: Raw) -> bool:
    if isinstance(raw.value, bool):
        return raw.value
    if isinstance(raw.value, str) and raw.value.lower() in _TRUE + _FALSE:
        return raw.value.lower() in _TRUE
    raise _wrong(setting, raw, "true or false")


def _text(setting: KnownSetting, raw: Raw) -> str:
    if not isinstance(raw.value, str) or not raw.value.strip():
        raise _wrong(setting, raw, "a text in quotes")
    return raw.value


def _texts(setting: KnownSetting, raw: Raw) -> tuple[str, ...]:
    items = raw.value.split(",") if isinstance(raw.value, str) else raw.value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise _wrong(setting, raw, "a list of texts")
    return tuple(item.strip() for item in items if item.strip())


def _capacities(setting: KnownSetting, raw: Raw) -> Pairs:
    """`{"13438721" = 512}` in TOML, `13438721:512,...` in variables and flags, pairs in JSON."""
    value = raw.value
    if isinstance(value, Mapping):
        pairs: list[Any] = list(value.items())
    elif isinstance(value, str):
        pairs = [tuple(item.split(":")) for item in value.split(",") if item]
    elif isinstance(value, list | tuple):
        pairs = [tuple(item.split(":")) if isinstance(item, str) else tuple(item) for item in value]
    else:
        raise _wrong(setting, raw, "a table of bucket = slots")
    try:
        chosen = tuple(sorted((int(bucket), int(slots)) for bucket, slots in pairs))
    except (TypeError, ValueError):
        raise _wrong(setting, raw, "made of ID:SLOTS, for example 13438721:512") from None
    for bucket, slots in chosen:
        if not FIRST_DATA_BUCKET <= bucket < BUCKETS:
            raise ConfigError(
                f"no such SALT bucket: {bucket}",
                f"{raw.source}: data buckets are {FIRST_DATA_BUCKET} to {BUCKETS - 1}",
            )
        if slots < MIN_BUCKET_SLOTS or slots & (slots - 1) or slots > 2**40:
            raise ConfigError(
                f"a bucket cannot have {slots} slots",
                f"{raw.source}: powers of two from {MIN_BUCKET_SLOTS} to 2^40 can",
            )
    return chosen


def _check_together(config: Config) -> None:
    blocks, rpc = config.blocks, config.rpc
    data_buckets = config.chain.salt_data_buckets
    if SALT_DATA_BUCKETS % data_buckets:
        divisors = (2**twos * odd for twos in range(17) for odd in (1, 3, 5, 15, 17, 51, 85, 255))
        nearest = min(divisors, key=lambda divisor: abs(divisor - data_buckets))
        raise ConfigError(
            f"SALT cannot have {data_buckets} data buckets",
            f"the number has to divide {SALT_DATA_BUCKETS}, so that keys keep their neighbours",
            f"{nearest} is the nearest that does; so do all powers of two up to 65536",
        )
    for bucket, _ in config.chain.bucket_capacity:
        if bucket >= FIRST_DATA_BUCKET + data_buckets:
            raise ConfigError(
                f"no such SALT bucket: {bucket}",
                f"with {data_buckets} data buckets they are {FIRST_DATA_BUCKET} to "
                f"{FIRST_DATA_BUCKET + data_buckets - 1}",
            )
    if blocks.block_time_s * 1000 < blocks.mini_block_time_ms:
        raise ConfigError(
            "an EVM block cannot be shorter than a mini-block",
            f"an EVM block is {blocks.block_time_s:g} s, a mini-block {blocks.mini_block_time_ms} ms",
            "raise --block-time or lower --mini-block-time",
        )
    network = config.network
    if 0 < network.provers < network.quorum:
        raise ConfigError(
            f"a quorum of {network.quorum} is out of reach",
            f"there would be {network.provers} prover{'s' if network.provers > 1 else ''} to attest to a block",
            f"give --provers {network.quorum} or more, or a smaller --quorum",
        )
    if config.blocks.automine and not config.blocks.mining:
        raise ConfigError(
            "--automine and --no-mining contradict each other",
            "either each transaction closes a block, or none does",
            "give one of them",
        )
    _check_succession(config)
    _check_fork(config)
    words = len(config.accounts.mnemonic.split())
    if words not in (12, 15, 18, 21, 24):
        raise ConfigError(
            "that is not a BIP-39 mnemonic",
            f"it has {words} words; 12, 15, 18, 21 or 24 are needed",
            "leave --mnemonic away for the usual test accounts",
        )
    if config.storage.ephemeral and config.storage.data_dir is not None:
        raise ConfigError(
            "ephemeral and data_dir contradict each other",
            "an ephemeral devnet keeps nothing, so it has no data directory to choose",
            "give one of them",
        )
    _check_state_files(config)
    if not _is_loopback(rpc.host) and config.uses_test_keys and not rpc.expose_test_keys:
        raise ConfigError(
            f"refusing to listen on {rpc.host} with keys that everyone knows",
            "the accounts come from the public test mnemonic, and others can reach that address",
            "give --mnemonic a phrase of your own, or --expose-test-keys if that is what you want",
        )


def _check_succession(config: Config) -> None:
    network, storage = config.network, config.storage
    if network.disks > 1 + network.standbys:
        there_are = f"there would be {1 + network.standbys}: the sequencer's"
        raise ConfigError(
            f"{network.disks} disks are out of reach",
            f"{there_are}, and of each standby one" if network.standbys else there_are,
            f"give --standby {network.disks - 1} or more, or a smaller --durable-on",
        )
    if not network.standbys:
        return
    if config.fork.url is not None:
        raise ConfigError(
            "a forked devnet has no standbys",
            "the sequencer alone asks the remote for what it executes, and a standby would have to ask for all of it "
            "again before it could lead",
            "leave --standby away",
        )
    for flag, value in (("--state", storage.state), ("--load-state", storage.load_state)):
        if value is not None:
            raise ConfigError(
                f"--standby and {flag} contradict each other",
                "a state file is loaded and saved by the sequencer, and another node may lead then",
                "megaeth state load FILE, once the devnet runs",
            )
    if storage.dump_state is not None:
        raise ConfigError(
            "--standby and --dump-state contradict each other",
            "the file is written by the sequencer, and another node may lead at the stop",
            "megaeth state dump FILE, before the devnet stops",
        )


def _check_fork(config: Config) -> None:
    fork, network = config.fork, config.network
    if fork.url is None:
        if fork.block_number is not None or fork.headers:
            raise ConfigError(
                "there is nothing to fork",
                "--fork-block and --fork-header need a --fork-url",
                "--fork-url URL, of a node of the chain to go on from",
            )
        return
    if network.provers:
        raise ConfigError("a forked devnet has no provers", NOT_PROVEN, "leave --provers away")
    if network.full_nodes and network.verify is VerifyMode.STATELESS:
        raise ConfigError("a forked devnet has no stateless validators", NOT_PROVEN, "--verify reexecute")
    if config.chain.genesis_timestamp is not None:
        raise ConfigError(
            "--genesis-timestamp and --fork-url contradict each other",
            "the first block of a fork comes right after the block that it goes on from",
            "set the time afterwards, with evm_setTime",
        )


def _check_state_files(config: Config) -> None:
    storage = config.storage
    if (storage.state or storage.load_state) is not None and not config.chain.interventions:
        raise ConfigError(
            "a chain without interventions cannot begin with a state file",
            "its accounts are set by interventions",
            "leave out --no-interventions, or put the accounts into a --genesis file",
        )
    if storage.state_interval_s and not storage.saves_state:
        raise ConfigError(
            "there is no state file to write",
            "--state-interval says how often that of --state or --dump-state is written",
            "--state FILE, or --dump-state FILE",
        )
    if storage.history is not None and config.fork.url is not None:
        raise ConfigError(
            "--history and --fork-url contradict each other",
            "a forked chain has no state on disk to go on from, and replays all of its log at each start",
            "leave out one of them",
        )
    if storage.snapshot is None:
        return
    for flag, value in (
        *(
            ("--state", storage.state),
            ("--load-state", storage.load_state),
            ("--genesis", config.chain.genesis),
        ),
        *(("--genesis-timestamp", config.chain.genesis_timestamp), ("--fork-url", config.fork.url)),
    ):
        if value is not None:
            raise ConfigError(
                f"--snapshot and {flag} contradict each other",
                "both say what a new chain begins with",
                "give one of them; --dump-state FILE is written at the stop, too",
            )


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


# --- writing


def _range(about: Setting) -> str:
    """What a number has to be, in words; what only a type sets an end to comes second."""
    if about.minimum is not None and about.maximum is not None and about.maximum >= _TYPE_ENDS:
        return f"{_plain(about.minimum)} or more, {_plain(about.maximum)} at most"
    return f"between {_plain(about.minimum)} and {_plain(about.maximum)}"


def _plain(number: float | None) -> str:
    if number is None:
        return "any"
    if isinstance(number, int) and number >= _TYPE_ENDS:
        # Nobody reads that as a row of digits.
        power = number.bit_length() - (number & (number - 1) == 0)
        return f"2^{power}" if number == 1 << power else f"2^{power} - {(1 << power) - number}"
    return f"{number:,.10g}".replace(",", "_")


def _allowed(setting: KnownSetting) -> str:
    return f" One of: {', '.join(setting.about.choices)}." if setting.about.choices else ""


def _example(setting: KnownSetting) -> str | int:
    examples: dict[str, str | int] = {
        "chain.genesis": "genesis.json",
        "chain.genesis_timestamp": 1_700_000_000,
        "fork.url": "http://127.0.0.1:8545",
        "fork.block_number": 1,
        "network.durable_on": 1,
        "storage.data_dir": "./data",
        "storage.state": "state.json",
        "storage.load_state": "state.json",
        "storage.dump_state": "state.json",
        "storage.snapshot": "deployed",
        "storage.history": 100_000,
    }
    return examples[setting.dotted]


def _toml_value(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value:_}" if value >= 1_000_000 else str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # a TOML basic string escapes as JSON does
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return "{ " + ", ".join(f'"{bucket}" = {slots}' for bucket, slots in value) + " }"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_value(item) for item in value) + "]"
    return str(value)
