"""foundry.toml as forge reads it: profiles, what one file extends, the user's own file, the environment.

Values are kept as they are written; nothing here knows what they mean. Later sources win: forge's guesses from the
directories, `~/.foundry/foundry.toml`, the project's foundry.toml (the default profile, then the one that
FOUNDRY_PROFILE names), the environment.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from megaeth_cli.compile.errors import CompileError

FILE_NAME = "foundry.toml"
_DEFAULT_PROFILE = "default"
_PREFIXES = ("DAPP_", "FOUNDRY_")
_NO_SETTINGS = frozenset({"PROFILE", "REMAPPINGS", "LIBRARIES", "CONFIG", "DIR"})
_ENVIRONMENT_FILE = ".env"
_NUMBER = re.compile(r"\d[\d_]*")

Values = dict[str, Any]


@dataclass(frozen=True)
class ForgeConfig:
    """One project's configuration."""

    root: Path
    values: Mapping[str, Any]
    variables: Mapping[str, str]
    """The environment, with what the project's .env adds for forge."""
    unknown_profile: str = ""
    """What FOUNDRY_PROFILE names when no file has it: the default profile counts then."""

    def text(self, key: str) -> str | None:
        """A value that is a string."""
        value = self.values.get(key)
        return value if isinstance(value, str) else None

    def texts(self, key: str) -> list[str]:
        """The strings of a value that is a list."""
        value = self.values.get(key, [])
        return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []

    def flag(self, key: str) -> bool | None:
        """A value that is true or false."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else None

    def number(self, key: str) -> int | None:
        """A value that is a number."""
        value = self.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    @property
    def libraries(self) -> list[Path]:
        """The directories that hold libraries, as written: relative to the root, or absolute."""
        return [Path(text) for text in self.texts("libs")]


def load(root: Path, variables: Mapping[str, str]) -> ForgeConfig:
    """The configuration of the project at a root."""
    variables = {**_environment_file(root), **variables}
    profile = variables.get("FOUNDRY_PROFILE") or _DEFAULT_PROFILE
    values = _guesses(root)
    known = {_DEFAULT_PROFILE}
    for path in _files(root, variables):
        profiles = _profiles(path, profile)
        known |= set(profiles)
        for name in dict.fromkeys((_DEFAULT_PROFILE, profile)):
            _merge(values, profiles.get(name, {}))
    _merge(values, _from_environment(variables))
    return ForgeConfig(root, values, variables, "" if profile in known else profile)


def _guesses(root: Path) -> Values:
    has_lib, has_modules = (root / "lib").exists(), (root / "node_modules").exists()
    libraries = (["lib"] if has_lib or not has_modules else []) + (["node_modules"] if has_modules else [])
    sources = "contracts" if (root / "contracts").exists() and not (root / "src").exists() else "src"
    return {"src": sources, "test": "test", "script": "script", "libs": libraries}


def _files(root: Path, variables: Mapping[str, str]) -> list[Path]:
    home = Path(variables.get("HOME") or Path.home())
    chosen = variables.get("FOUNDRY_CONFIG")
    path = root / (chosen or FILE_NAME)
    if chosen and not path.is_file():
        raise CompileError(f"no such file: {path}", "FOUNDRY_CONFIG names it", "unset it, or check the path")
    return [path for path in (home / ".foundry" / FILE_NAME, path) if path.is_file()]


def _profiles(path: Path, profile: str) -> dict[str, Values]:
    profiles = _read(path)
    extends = profiles.get(profile, {}).get("extends")
    if extends is None:
        return profiles
    how = extends if isinstance(extends, dict) else {"path": extends}
    base = _read(path.parent / str(how.get("path", "")))
    for name, values in profiles.items():
        _merge(base.setdefault(name, {}), values, join_lists=how.get("strategy") in (None, "extend-arrays"))
    return base


def _read(path: Path) -> dict[str, Values]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CompileError(f"{path} cannot be read", str(error)) from None
    except OSError as error:
        raise CompileError(f"{path} cannot be read", error.strerror or str(error)) from None
    profiles = document.get("profile", {})
    if not isinstance(profiles, dict):
        raise CompileError(f"{path} cannot be read", "`profile` is no table", "write [profile.default]")
    return {name: _renamed(values) for name, values in profiles.items() if isinstance(values, dict)}


def _renamed(values: Values) -> Values:
    """Keys as forge names them: `optimizer-runs` and `optimizerRuns` are `optimizer_runs`."""
    found = {
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).replace("-", "_").lower(): values[key] for key in values
    }
    version = found.pop("solc_version", None)
    return {"solc": version, **found} if version is not None else found


def _merge(into: Values, values: Mapping[str, Any], join_lists: bool = False) -> None:
    for key, value in values.items():
        known = into.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            into[key] = dict(known)
            _merge(into[key], value, join_lists)
        elif join_lists and isinstance(known, list) and isinstance(value, list):
            into[key] = [*known, *value]
        else:
            into[key] = value


def _from_environment(variables: Mapping[str, str]) -> Values:
    found = {
        name.removeprefix(prefix).lower(): _value(text)
        for prefix in _PREFIXES
        for name, text in variables.items()
        if name.startswith(prefix) and name.removeprefix(prefix) not in _NO_SETTINGS
    }
    libraries = variables.get("DAPP_LIBRARIES") or variables.get("FOUNDRY_LIBRARIES")
    if libraries is not None:
        found["libraries"] = libraries.strip("[]").split(",")
    return _renamed(found)


def _value(text: str) -> Any:  # noqa: ANN401 what TOML knows
    if text in ("true", "false"):
        return text == "true"
    if _NUMBER.fullmatch(text):
        return int(text)
    if text.startswith("[") and text.endswith("]"):
        return [one.strip().strip("\"'") for one in text[1:-1].split(",") if one.strip()]
    return text.strip("\"'")


def _environment_file(root: Path) -> dict[str, str]:
    """What forge takes from the project's .env, of what concerns forge."""
    try:
        text = (root / _ENVIRONMENT_FILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and name.strip().startswith(_PREFIXES):
            found[name.strip()] = value.strip().strip("\"'")
    return found
