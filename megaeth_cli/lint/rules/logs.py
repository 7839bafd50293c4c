"""Data of any length goes into logs."""

from __future__ import annotations

from collections.abc import Iterator

from megaeth_cli.lint.calls import callee
from megaeth_cli.lint.code import Node, type_of, walk
from megaeth_cli.lint.costs import Costs
from megaeth_cli.lint.findings import Finding, Level
from megaeth_cli.lint.rule import SPECIFICATION, Rule, Subject

NAME = "event-data"
_WORD = 32
_KILOBYTE = 1024
_DYNAMIC = ("t_bytes_", "t_string_")


def check(subject: Subject) -> Iterator[Finding]:
    """Arguments of events that may be of any length."""
    byte, ethereum = subject.costs.log_byte, subject.costs.ethereum.log_byte
    if not byte.storage:
        return
    for statement in subject.code.asked("EmitStatement"):
        emitted = statement["eventCall"]
        event = subject.code.declaration(callee(emitted))
        if event is None or event["nodeType"] != "EventDefinition":
            continue
        for parameter, argument in zip(
            event["parameters"]["parameters"], _arguments(event, emitted), strict=False
        ):
            if parameter.get("indexed") or not _is_dynamic(type_of(parameter)):
                continue
            only = _is_kept_only_here(subject, argument)
            kept = "is kept nowhere but in this log: " if only else "goes into a log: "
            yield subject.found(
                NAME,
                Level.WARNING if only else Level.NOTE,
                f"`{subject.code.text(argument)}` {kept}{byte.total:,} gas a byte, "
                f"{byte.total * _KILOBYTE:,} a kilobyte (on Ethereum {ethereum.total * _KILOBYTE:,})",
                argument,
                {"log_byte_gas": byte.total, "ethereum_log_byte_gas": ethereum.total},
            )


def _arguments(event: Node, emitted: Node) -> list[Node]:
    """In the order of the event's parameters."""
    given: list[Node] = emitted["arguments"]
    if not emitted.get("names"):
        return given
    by_name = dict(zip(emitted["names"], given, strict=True))
    return [by_name[one["name"]] for one in event["parameters"]["parameters"]]


def _is_dynamic(described: str) -> bool:
    return described.startswith(_DYNAMIC) or "$dyn_" in described


def _is_kept_only_here(subject: Subject, argument: Node) -> bool:
    """Whether an argument is what a caller has sent, and the function does nothing else with it."""
    function = subject.code.enclosing(argument, "FunctionDefinition")
    declared = subject.code.declaration(argument) if argument["nodeType"] == "Identifier" else None
    if function is None or declared is None or function["visibility"] not in ("external", "public"):
        return False
    if all(declared["id"] != one["id"] for one in function["parameters"]["parameters"]):
        return False
    uses = [one for one in walk(function, "Identifier") if one.get("referencedDeclaration") == declared["id"]]
    return len(uses) == 1


def measures(costs: Costs) -> list[tuple[str, str]]:
    """Gas for logs."""
    byte, topic, ethereum = costs.log_byte, costs.log_topic, costs.ethereum
    return [
        ("gas for a byte of a log", f"{byte.total:,} (on Ethereum {ethereum.log_byte.total:,})"),
        ("gas for a topic", f"{topic.total:,} (on Ethereum {ethereum.log_topic.total:,})"),
        ("gas for a byte of storage", f"{costs.new_slot.total // _WORD:,}, a slot {costs.new_slot.total:,}"),
    ]


RULE = Rule(
    NAME,
    "Data of any length goes into logs",
    "Logs are the cheap storage of Ethereum. On MegaETH a byte of a log takes many times the gas that "
    "it takes there, since every node keeps it, and counts towards the data that a transaction may "
    "produce.",
    "Log a hash of the data, or what indexers need of it. Data that must be available anyway is in the "
    "calldata of the transaction already.",
    f"{SPECIFICATION}/dual-gas-model.md",
    check,
    measures,
)
