"""Rules that show only when a request runs: how long it takes, and the compute gas of calls.

The node has no such limits for a single request, so calls are measured: one that may take more than the limit is run
again by the tracer, which tells the compute gas. A call whose `gas` is no more than the limit can't exceed it, and one
that failed has told already.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import orjson

from devnet.rpc.engine_rpc import Answer
from devnet.rpc.gateway import judge, rules
from devnet.rpc.gateway.rules import Rule
from devnet.rpc.jsonrpc import Request

Ask = Callable[[Request], Awaitable[Answer]]
"""Has the node answer one request with a whole response."""

_TRACER: Final = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
_TRACED_BY: Final = {"eth_call": "debug_traceCall", "eth_callMany": "debug_traceCallMany"}


async def in_time(work: Awaitable[Answer], request: Request, give_up: Callable[[], None]) -> Answer:
    """The answer, if it comes within what the endpoint allows; else `give_up` and raise `BrokenRuleError`."""
    rule, limit_s = _time(request)
    try:
        async with asyncio.timeout(limit_s):
            return await work
    except TimeoutError:
        give_up()
        raise rule.broken() from None


def is_timed(request: Request) -> bool:
    """Whether the endpoint bounds the time for an answer."""
    return request.method in ("eth_estimateGas", "eth_callMany")


def _time(request: Request) -> tuple[Rule, float]:
    if request.method == "eth_estimateGas":
        return rules.ESTIMATE_TIME, rules.ESTIMATE_S
    given = request.params[3:4] if isinstance(request.params, list) else []
    milliseconds = judge.quantity(given[0]) if given else None
    return rules.CALL_MANY_TIME, (milliseconds or rules.CALL_MANY_MS) / 1000


async def require_compute(request: Request, answer: Answer, ask: Ask) -> None:
    """Raises `BrokenRuleError` if a call took more compute gas than the endpoint allows."""
    tracer = _TRACED_BY.get(request.method)
    if tracer is None or not isinstance(request.params, list) or not may_exceed(request):
        return
    told: dict[str, Any] = orjson.loads(answer)
    if "error" not in told:
        told = orjson.loads(await ask(_traced(request, tracer)))
    if max(_compute(told), default=0) > rules.MAX_COMPUTE_GAS:
        raise rules.COMPUTE.broken()


def may_exceed(request: Request) -> bool:
    """Whether a call has the gas to take more compute gas than is allowed."""
    assert isinstance(request.params, list)
    many = (call for bundle in judge.bundles(request) for call in bundle)
    calls = request.params[:1] if request.method == "eth_call" else many
    gas = [judge.quantity(call.get("gas")) if isinstance(call, dict) else None for call in calls]
    return any(one is None or one > rules.MAX_COMPUTE_GAS for one in gas)


def _traced(request: Request, tracer: str) -> Request:
    """The same calls over the same state, for the tracer."""
    assert isinstance(request.params, list)
    call, block, state, of_block = [*request.params, *[None] * 4][:4]
    options: dict[str, Any] = dict(_TRACER)
    if state is not None:
        options["stateOverrides"] = state
    if of_block is not None and request.method == "eth_call":
        options["blockOverrides"] = of_block
    params = [call, "latest" if block is None and tracer == "debug_traceCall" else block, options]
    return replace(request, method=tracer, params=params, raw_params=json.dumps(params), reply_to=b"0")


def _compute(told: object) -> list[int]:
    """Every `computeGas` of a `mega` object, however deep."""
    if isinstance(told, list):
        return [gas for item in told for gas in _compute(item)]
    if not isinstance(told, dict):
        return []
    mega = told.get("mega")
    own = [int(mega["computeGas"], 16)] if isinstance(mega, dict) and "computeGas" in mega else []
    return own + [gas for item in told.values() for gas in _compute(item)]
