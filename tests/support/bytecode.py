"""A small assembler, so that tests can show the bytecode that they are about.

Words: opcode names; numbers (pushed as short as they can be); `name:` a JUMPDEST with a label; `@name` a push of a
label's place (two bytes).
"""

from devnet.jit.opcodes import OPCODES
from devnet.jit.rules import Rules

_CODES = {op.name: code for code, op in OPCODES.items()}


def assemble(source: str) -> bytes:
    code = bytearray()
    labels: dict[str, int] = {}
    uses: list[tuple[int, str]] = []
    for word in source.split():
        if word.endswith(":"):
            labels[word[:-1]] = len(code)
            code.append(_CODES["JUMPDEST"])
        elif word.startswith("@"):
            code.append(_CODES["PUSH2"])
            uses.append((len(code), word[1:]))
            code += bytes(2)
        elif word[0].isdigit():
            code += push(int(word, 0))
        else:
            code.append(_CODES[word])
    for place, name in uses:
        code[place : place + 2] = labels[name].to_bytes(2)
    return bytes(code)


def push(value: int) -> bytes:
    width = (value.bit_length() + 7) // 8
    return bytes([_CODES["PUSH0"] + width]) + value.to_bytes(width)


def rules() -> Rules:
    """Ethereum's static costs, for tests that don't need the engine's."""
    costs: list[int | None] = [None] * 256
    for cost, codes in {
        1: [0x5B],
        2: [0x30, 0x33, 0x34, 0x36, 0x38, 0x50, 0x58, 0x59, 0x5A, 0x5F],
        3: [0x01, 0x03, *range(0x10, 0x1E), 0x35, 0x51, 0x52, 0x53, *range(0x60, 0xA0)],
        5: [0x02, 0x04, 0x05, 0x06, 0x07, 0x0B],
        8: [0x08, 0x09, 0x56],
        10: [0x0A, 0x57],
    }.items():
        for code in codes:
            costs[code] = cost
    return Rules("test", tuple(costs), exp_byte_gas=50)
