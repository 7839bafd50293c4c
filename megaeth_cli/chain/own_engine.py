"""An engine of this program's own, over a state that is given: asked what calls do under some rules. No node is needed.

It has no chain, seals nothing and keeps nothing. Every number that a command tells of rules other than a chain's own
comes from here.
"""

import json
from collections.abc import Mapping
from typing import Any

from devnet import _engine
from devnet.config import FIRST_DATA_BUCKET, MIN_BUCKET_SLOTS, SPECS, Config
from megaeth_cli.chain.nested_json import deep_answers
from megaeth_cli.chain.no_archive import NothingArchived

Json = Any

ETHEREUM, *FORKS = SPECS
"""As the engine names its rules: Ethereum's (Prague, on the OP Stack), then each of MegaETH's forks."""
MAX_GAS = 9_000_000_000
"""More than MegaETH's limits let a transaction use, less than a block's."""
TIMEOUT_S = 8
"""For one execution under other rules than a chain's: what halts there may go on for very long here."""
TOO_MUCH = -32005
"""The engine's code for what may not go on."""
_BUCKETS = 512
"""Few enough to give all of them a size, and so many that none grows by what is executed."""


class OwnEngine:
    """Answers over one state, whose buckets all are `multiplier` times the smallest size. Raises ValueError for a state
    that cannot be."""

    def __init__(
        self,
        spec: str,
        alloc: dict[str, Json],
        *,
        chain_id: int = Config().chain.chain_id,
        multiplier: int = 1,
        capacities: Mapping[int, int] | None = None,
        timeout_s: float | None = TIMEOUT_S,
    ) -> None:
        """`alloc` as a genesis document has it; `capacities` are how many slots each of the real chain's buckets has
        that has grown, instead of the multiplier; None as the timeout is the engine's own."""
        buckets: dict[str, Json] = {
            "salt_data_buckets": _BUCKETS,
            "bucket_capacities": {
                str(FIRST_DATA_BUCKET + bucket): MIN_BUCKET_SLOTS * multiplier
                for bucket in range(_BUCKETS if multiplier > 1 else 0)
            },
        }
        if capacities is not None:
            grown = {str(at): slots for at, slots in capacities.items() if at >= FIRST_DATA_BUCKET}
            buckets = {"bucket_capacities": grown}
        config = {
            "chain_id": chain_id,
            "spec": spec,
            "genesis": {"timestamp": 1, "alloc": json.loads(_engine.system_alloc(spec)) | alloc},
            **buckets,
            "follow_commitment": False,
            "stored_oracle": True,
            "mining": "manual",
            "recover_threads": 1,
            "execution_threads": 1,
            "rpc": {"call_timeout_ms": round(timeout_s * 1000)} if timeout_s is not None else {},
        }
        self._engine = _engine.Engine(json.dumps(config).encode(), NothingArchived())

    def ask(self, method: str, *params: Json) -> Json:
        """One method's result; raises the engine's RpcError."""
        with deep_answers():
            return json.loads(self._engine.call(method, json.dumps(params).encode()))
