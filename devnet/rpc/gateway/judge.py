"""Which rule of the public endpoint a body or a request breaks by itself, and what the endpoint makes of a request.

Not here: rules about what came before (`budgets.py`), and those that show when a request runs (`measured.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from devnet.rpc.errors import MAX_NAME
from devnet.rpc.gateway import rules
from devnet.rpc.gateway.rules import BrokenRuleError, Gateway, Rule
from devnet.rpc.jsonrpc import Entry, Malformed, Request


def check_batch(entries: list[Entry]) -> None:
    """Raises `BrokenRuleError` for too many requests, or too many calls within them."""
    if len(entries) > rules.MAX_BATCH:
        raise rules.BATCH.broken()
    if sum(map(weight, entries)) > rules.MAX_SUBREQUESTS:
        raise rules.SUBREQUESTS.broken()


def weight(entry: Entry) -> int:
    """What a request counts for: `eth_callMany` as many as it has calls."""
    if isinstance(entry, Malformed) or entry.method != "eth_callMany":
        return 1
    return max(1, sum(len(calls) for calls in bundles(entry)))


def bundles(request: Request) -> list[list[Any]]:
    """The calls of each bundle of an `eth_callMany`, as far as they have the form of such."""
    found = _param(request, 0)
    calls = (
        [each.get("transactions") for each in found if isinstance(each, dict)]
        if isinstance(found, list)
        else []
    )
    return [each for each in calls if isinstance(each, list)]


def check_body(size: int, message: Entry | list[Entry]) -> None:
    """Raises `BrokenRuleError` for a body that is larger than what stands in it may be.

    The larger bodies are for requests that stand alone; whether a batch may have one is documented nowhere.
    """
    method = message.method if isinstance(message, Request) else ""
    most, rule = rules.MAX_BODY_BYTES, rules.BODY
    if method in rules.TRANSACTIONS:
        most, rule = rules.MAX_TRANSACTION_BYTES, rules.TRANSACTION_BODY
    elif method in rules.SIMULATIONS:
        most, rule = rules.MAX_SIMULATION_BYTES, rules.SIMULATION_BODY
    if size > most:
        raise rule.broken()


def charges(entries: Iterable[Entry]) -> dict[rules.Category, int]:
    """How much of which budget a body takes."""
    found: dict[rules.Category, int] = {}
    for entry in entries:
        category = rules.category_of(entry.method) if isinstance(entry, Request) else None
        if category is not None:
            found[category] = found.get(category, 0) + weight(entry)
    return found


def check(request: Request, gateway: Gateway, *, is_websocket: bool) -> None:
    """Raises `BrokenRuleError` for a method or parameters that the endpoint refuses."""
    method = request.method
    name = method if len(method) <= MAX_NAME else method[:MAX_NAME] + "..."
    if gateway is Gateway.COMING and method in rules.UNSUPPORTED:
        raise rules.UNSUPPORTED_METHOD.broken(name)
    if is_websocket and method not in rules.WEBSOCKET_METHODS:
        raise (rules.WEBSOCKET_METHOD if method in rules.HTTP_METHODS else rules.METHOD).broken(name)
    if not is_websocket and method not in rules.HTTP_METHODS | rules.OWN_METHODS:
        raise rules.METHOD.broken(name)
    if (of_method := _CHECKS.get(method)) is not None:
        of_method(request)


def _check_subscription(request: Request) -> None:
    kind, options = _param(request, 0), _param(request, 1)
    if kind not in rules.KINDS:
        raise rules.SUBSCRIPTION_KIND.broken()
    if kind != "logs" or not isinstance(options, dict):
        return
    for name, most, rule in (
        ("address", rules.MAX_LOG_ADDRESSES, rules.LOG_ADDRESSES),
        ("topics", rules.MAX_LOG_TOPICS, rules.LOG_TOPICS),
    ):
        found = options.get(name)
        if isinstance(found, list) and len(found) > most:
            raise rule.broken()


def _check_trace(request: Request) -> None:
    options = _param(request, 1)
    if not isinstance(options, dict):
        raise rules.TRACE_OPTIONS.broken()
    if options.get("tracer") is not None and options["tracer"] not in rules.TRACERS:
        raise rules.TRACER.broken()


def _check_call_many(request: Request) -> None:
    found = _param(request, 0)
    too_many_bundles = isinstance(found, list) and len(found) > rules.MAX_BUNDLES
    if too_many_bundles or weight(request) > rules.MAX_CALLS:
        raise rules.CALL_MANY.broken()
    if _param(request, 3) is not None:
        _require_within(_param(request, 3), rules.MAX_CALL_MANY_MS, rules.CALL_MANY_TIMEOUT)


def _check_fee_history(request: Request) -> None:
    _require_within(_param(request, 0), rules.MAX_FEE_HISTORY, rules.FEE_HISTORY)


def _require_within(value: object, most: int, rule: Rule) -> None:
    """What is no number is the node's to refuse."""
    number = quantity(value)
    if number is not None and not 1 <= number <= most:
        raise rule.broken()


_CHECKS: Final = {
    "eth_subscribe": _check_subscription,
    "eth_callMany": _check_call_many,
    "eth_feeHistory": _check_fee_history,
} | dict.fromkeys(rules.TRACES, _check_trace)


def as_forwarded(request: Request) -> tuple[Request, BrokenRuleError | None]:
    """What the endpoint asks the node instead, and which rule that is due to.

    Both synchronous methods become one, and wait no longer than the rule says.
    """
    if request.method == "eth_callMany" and isinstance(request.params, list):
        params = request.params[:3]  # the fourth is the endpoint's own
        return replace(request, params=params, raw_params=json.dumps(params)), None
    if request.method not in rules.SYNCHRONOUS:
        return request, None
    forwarded = replace(request, method=rules.REALTIME)
    waits_ms = quantity(_param(request, 1))
    if waits_ms is None or waits_ms <= rules.MAX_WAIT_MS:
        return forwarded, None
    assert isinstance(request.params, list)
    params = [request.params[0], rules.MAX_WAIT_MS, *request.params[2:]]
    return replace(forwarded, params=params, raw_params=json.dumps(params)), rules.WAIT.broken()


def quantity(value: object) -> int | None:
    """A number, or hex for one; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value.startswith("0x"):
        try:
            return int(value, 16)
        except ValueError:
            return None
    return None


def _param(request: Request, position: int) -> Any:  # noqa: ANN401 any JSON value
    """None where there is none, as for parameters by name, which the node refuses."""
    params = request.params
    return params[position] if isinstance(params, list) and position < len(params) else None
