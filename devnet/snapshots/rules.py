"""Which chain a snapshot is of, beside the settings that a devnet is started with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, Final

from devnet.config import ChainSettings, Config
from devnet.errors import ConfigError

RULES: Final = {
    "chain_id": "--chain-id",
    "spec": "--spec",
    "gas_limit": "--gas-limit",
    "base_fee": "--base-fee",
    "bucket_capacity": "--bucket-capacity",
    "salt_data_buckets": "--salt-data-buckets",
    "interventions": "--interventions",
}
"""Settings of a chain that hold for all its blocks, and their flags. What else makes a chain's identity is in its first
block, and a snapshot is beyond that."""


def with_rules(config: Config, settings: Mapping[str, Any], whose: str) -> Config:
    """The configuration with the rules of a chain that is there (`settings` of its identity) where nobody has chosen
    others. ConfigError: somebody has."""
    defaults = {setting.name: setting.default for setting in fields(ChainSettings)}
    taken: dict[str, Any] = {}
    for name, flag in RULES.items():
        there = _as_setting(name, settings.get(name, False if name == "interventions" else defaults[name]))
        chosen = getattr(config.chain, name)
        if chosen not in (there, defaults[name]):
            raise ConfigError(
                f"{flag} is {chosen}, but {whose} is of a chain where that is {there}",
                "a chain's rules hold for all its blocks",
                f"leave {flag} away",
            )
        taken[name] = there
    return replace(config, chain=replace(config.chain, **taken))


def _as_setting(name: str, value: Any) -> Any:  # noqa: ANN401 of whatever type the setting is
    if name == "bucket_capacity" and isinstance(value, dict):
        return tuple(sorted((int(bucket), slots) for bucket, slots in value.items()))
    return value
