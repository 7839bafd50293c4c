"""A process that runs cases with something wrong in it: `python -m tests.unit.conformance.mutants WHICH SPEC`."""

import json
import os
import sys

from devnet.jit.child import Child, Refused
from tests.conformance import ways, worker

PUSH_1, PUSH_2 = b"\x60\x01", b"\x60\x02"


def miscompile():
    right = Child.compile
    Child.compile = lambda self, code, rules, **how: right(self, code.replace(PUSH_1, PUSH_2), rules, **how)


def refuse_to_compile():
    def compile(self, code, rules, **how):
        raise Refused("it is Sunday")

    Child.compile = compile


def garble_objects():
    right = Child.compile

    def compile(self, code, rules, **how):
        made = right(self, code, rules, **how)
        return type(made)(made.body[:100], made.size, made.seconds, made.facts)

    Child.compile = compile


def crash_in_native_code():
    right = ways.run_code

    def run_code(request):
        if json.loads(request).get("native"):
            os.abort()
        return right(request)

    ways.run_code = run_code


def execute_something_else_ahead():
    right = ways.run_ahead
    ways.run_ahead = lambda request: right(json.dumps({**json.loads(request), "calldata": "0x"}).encode())


def fail_to_start():
    sys.exit(3)


if __name__ == "__main__":
    globals()[sys.argv.pop(1)]()
    worker.main()
