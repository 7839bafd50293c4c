"""The node's OpenRPC document (`rpc.discover`): its methods with parameters, results and examples, for tools.

    table of methods (`Line`) + `schemas.py`, `results.py` + `examples.json` --> document

Which methods there are, what their parameters are called and what they answer in words is the table's. The examples are
one session on a fresh devnet, in its order: what one of them answers (a hash, a filter's id) others ask for. They are
recorded by `scripts/record_rpc_examples.py`, and the tests run them all.

Not here: serving it (`devnet/rpc/rpc_modules.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson

from devnet.rpc.methods import Line
from devnet.rpc.openrpc.results import RESULTS
from devnet.rpc.openrpc.schemas import COMPONENTS, PARAMS

VERSION: Final = "1.3.2"
"""Of the OpenRPC specification."""
EXAMPLES: Final = Path(__file__).with_name("examples.json")


@cache
def examples() -> list[dict[str, Any]]:
    """Return the examples in their order: `method`, `params`, `result`; long results are shortened."""
    found: list[dict[str, Any]] = orjson.loads(EXAMPLES.read_bytes())
    return found


def document(lines: Iterable[Line], program: str) -> dict[str, Any]:
    """Describe these methods. `program`: what answers, with its version (`web3_clientVersion`)."""
    by_method = defaultdict(list)
    for example in examples():
        by_method[example["method"]].append(example)
    name, _, version = program.partition("/")
    return {
        "openrpc": VERSION,
        "info": {"title": name, "version": version or "0"},
        "methods": [
            _method(line, by_method[line.name]) for line in sorted(lines, key=lambda line: line.name)
        ],
        "components": {"schemas": dict(COMPONENTS)},
    }


def _method(line: Line, found: list[dict[str, Any]]) -> dict[str, Any]:
    names = [name.removesuffix("?") for name in line.params]
    params = [
        {"name": name, "required": not given.endswith("?"), "schema": PARAMS.get(name, {})}
        for name, given in zip(names, line.params, strict=True)
    ]
    return {
        "name": line.name,
        "summary": line.about,
        "paramStructure": "by-position",
        "params": params,
        "result": {"name": "result", "schema": RESULTS.get(line.name, {})},
        "examples": [
            {
                "name": f"{line.name} {number}",
                "params": [
                    {"name": name, "value": value}
                    for name, value in zip(names, example["params"], strict=False)
                ],
                "result": {"name": "result", "value": example["result"]},
            }
            for number, example in enumerate(found, 1)
        ],
    }
