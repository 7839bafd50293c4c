"""The child process that compiles: `python -m devnet.jit.worker --memory BYTES --cpu SECONDS --nice N`.

Reads jobs from standard input and answers each on standard output (`wire`). What a hostile contract may do to it is
bounded by the operating system: memory, and processor time per job. Its parent watches the clock, and lives on when it
dies.

Job: header `{"rules": <what the engine's native_rules says>, "assembly": bool, "size": int, "wanted": {"whole": bool,
"kept": [pc], "most": bytes}}`, body the bytecode (of that size) and behind it the counts of what was executed.
Answer: header `{"refused": why}`, or what is known of the object, which is the body (or its assembly).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from typing import Any, BinaryIO

from devnet.jit import abi, wire
from devnet.jit.compiler import lower_code
from devnet.jit.rules import Rules
from devnet.jit.selection import Wanted
from devnet.jit.text import TooLong


class Refused(Exception):
    """The contract is not compiled; it says why."""


def main() -> None:
    """Until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--memory", type=int, required=True)
    parser.add_argument("--cpu", type=int, required=True)
    parser.add_argument("--nice", type=int, required=True)
    limits = parser.parse_args()
    answers = _private_output()
    os.nice(limits.nice)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from devnet.jit import native

    native.start()
    while (job := wire.read(sys.stdin.buffer)) is not None:
        header, body = job
        allow_seconds(limits.cpu)
        try:
            said, body = _compile(header, body)
        except Refused as refusal:
            said, body = {"refused": str(refusal)}, b""
        except (ValueError, RuntimeError, RecursionError, MemoryError) as error:
            said, body = {"refused": f"{type(error).__name__}: {error}"[:500]}, b""
        wire.write(answers, said, body)


def _compile(header: dict[str, Any], given: bytes) -> tuple[dict[str, Any], bytes]:
    from devnet.jit import elf, native

    began = time.process_time()
    rules = Rules.read(json.dumps(header["rules"]).encode())
    code, counts = given[: header["size"]], given[header["size"] :]
    try:
        lowered = lower_code(code, rules, Wanted.read(header["wanted"], counts))
    except TooLong as error:
        raise Refused(str(error)) from error
    assembly = bool(header.get("assembly"))
    try:
        made, text = native.compile_text(lowered.text, native.host(), assembly=assembly)
    except elf.BadObject as error:
        raise Refused(f"LLVM's object {error}") from error
    size = elf.Elf(made).loaded_size
    most = abi.size_limit(lowered.compiled)
    if size > most:
        raise Refused(
            f"its native code takes {size} bytes, and {most} are the most for {lowered.compiled} of bytecode"
        )
    said = {
        "blocks": lowered.blocks,
        "nodes": lowered.nodes,
        "loops": lowered.loops,
        "dispatched": lowered.dispatched,
        "longest_run": lowered.longest_run,
        "compiled": lowered.compiled,
        "left_out": lowered.left_out,
        "whole": lowered.selection.whole,
        "kept": sorted(lowered.selection.blocks),
        "size": size,
        "seconds": round(time.process_time() - began, 4),
    }
    return said, text.encode() if assembly else made


def _private_output() -> BinaryIO:
    """Standard output for answers alone: whatever else is printed goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def allow_seconds(seconds: int) -> None:
    """Ends this process when it has taken so much more processor time."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = int(usage.ru_utime + usage.ru_stime) + 1
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, most))


if __name__ == "__main__":
    main()
