"""Random contracts with structure: ifs, loops, functions with return addresses, calls, every opcode, edge values.

Deliberately imperfect: some run out of gas, read what isn't there, jump to nowhere or end in the middle.
"""

from random import Random
from typing import Final

from devnet.jit.opcodes import OPCODES, Way
from tests.support.bytecode import push

EDGES: Final = (
    *(
        0,
        1,
        2,
        3,
        5,
        31,
        32,
        33,
        64,
        255,
        256,
        257,
        2**31,
        2**32 - 1,
        2**32,
        2**63,
        2**64 - 1,
        2**64,
        2**64 + 1,
    ),
    *(
        2**127,
        2**128 - 1,
        2**128,
        2**160 - 1,
        2**160,
        2**192,
        2**255 - 1,
        2**255,
        2**255 + 1,
        2**256 - 2,
        2**256 - 1,
    ),
    10**18,
)
NEAR: Final = (0, 1, 4, 31, 32, 33, 64, 100, 1000)
PURE: Final = [op for op in OPCODES.values() if op.way is Way.PURE] + [OPCODES[0x0A]]
READS: Final = [
    op.code for op in OPCODES.values() if op.pushes == 1 and op.pops == 0 and op.way is not Way.STACK
]
SELF, OTHER, MISSING = 0xC0DE, 0xBEEF, 0xDEAD
"""Addresses that calls go to."""

CALL, CALLCODE, DELEGATECALL, STATICCALL, CREATE, CREATE2 = 0xF1, 0xF2, 0xF4, 0xFA, 0xF0, 0xF5


class Program:
    """Writes one contract; `code` has it."""

    def __init__(self, random: Random, *, calls: bool = True) -> None:
        self.random = random
        self.calls = calls
        self.out = bytearray()
        self.depth = 0
        self.function_calls: list[tuple[int, int]] = []
        for _ in range(random.randint(1, 6)):
            self._statement(0)
        self._end()
        self._functions(3)
        if random.random() < 0.15:
            for _ in range(random.randint(1, 3)):
                self.out[random.randrange(len(self.out))] = random.randrange(256)

    @property
    def code(self) -> bytes:
        return bytes(self.out)

    def _end(self) -> None:
        choice = self.random.random()
        if choice < 0.3:
            self.out.append(0x00)
        elif choice < 0.9:
            # The stack's top words to memory, and that is the result.
            while self.depth and self.random.random() < 0.8:
                self._push(32 * self.depth)
                self._op(0x52)
            self._push(self.random.choice((0, 32, 33, 320)))
            self._push(self.random.choice(NEAR))
            self._op(0xF3 if choice < 0.75 else 0xFD)
        else:
            self.out.append(self.random.choice((0xFE, 0x0C, 0x00)))

    def _op(self, code: int) -> None:
        op = OPCODES[code]
        while self.depth < op.pops:
            self._value()
        self.out.append(code)
        self.depth += op.pushes - op.pops

    def _push(self, value: int) -> None:
        self.out += push(value)
        self.depth += 1

    def _value(self) -> None:
        random = self.random
        choice = random.random()
        if choice < 0.4 or not self.depth:
            self._push(
                random.choice(EDGES)
                if random.random() < 0.7
                else random.getrandbits(random.choice((8, 64, 256)))
            )
        elif choice < 0.5:
            self._short()
        elif choice < 0.85:
            self.out.append(0x7F + random.randint(1, min(16, self.depth)))
            self.depth += 1
        else:
            self._op(random.choice(READS))

    def _short(self) -> None:
        """Something of few bits that only the call knows."""
        self._push(self.random.choice(NEAR))
        self._op(0x35)
        code, operand = self.random.choice(
            (
                (0x16, 0xFF),
                (0x16, 2**41 - 1),
                (0x16, 2**64 - 1),
                (0x1C, 192),
                (0x1C, 215),
                (0x1C, 191),
                (0x1A, 3),
            )
        )
        self._push(operand)
        self._op(code)

    def _near(self) -> None:
        """A place in memory, seldom far away."""
        self._push(self.random.choice(NEAR) if self.random.random() < 0.97 else self.random.choice(EDGES))

    def _operation(self) -> None:
        random = self.random
        choice = random.random()
        if choice < 0.35:
            self._value()
        elif choice < 0.6:
            self._op(random.choice(PURE).code)
        elif choice < 0.67 and self.depth >= 2:
            self.out.append(0x8F + random.randint(1, min(16, self.depth - 1)))
        elif choice < 0.71 and self.depth:
            self._op(0x50)
        elif choice < 0.78:
            self._value()
            self._near()
            self._op(random.choice((0x52, 0x53)))
        elif choice < 0.84:
            self._near()
            self._op(random.choice((0x51, 0x35)))
        elif choice < 0.9:
            self._push(random.choice((0, 1, 2)))
            if random.random() < 0.5:
                self._op(random.choice((0x54, 0x5C)))
            else:
                self._value()
                self.out.append(0x90)
                self._op(random.choice((0x55, 0x5D)))
        elif choice < 0.94:
            self._area()
        else:
            self._push(random.choice((SELF, OTHER, MISSING, 0, 4)))
            self._op(random.choice((0x31, 0x3B, 0x3F, 0x40, 0x49)))

    def _area(self) -> None:
        """An instruction that takes a stretch of memory."""
        code = self.random.choice((0x20, 0x37, 0x39, 0x3C, 0x3E, 0x5E, 0xA0, 0xA1, 0xA2, 0xA4))
        copies = code in (0x37, 0x39, 0x3C, 0x3E, 0x5E)
        if code > 0xA0:
            for _ in range(code - 0xA0):
                self._value()
        for _ in range(3 if copies else 2):
            self._near()
        if code == 0x3C:
            self._push(self.random.choice((SELF, OTHER, MISSING)))
        self._op(code)

    def _statement(self, level: int) -> None:
        choice = self.random.random()
        if choice < 0.45 or level > 3:
            for _ in range(self.random.randint(1, 8)):
                self._operation()
        elif choice < 0.65:
            self._if(level)
        elif choice < 0.73:
            self._loop(level)
        elif choice < 0.8:
            self._counting_loop(level)
        elif choice < 0.9 or not self.calls:
            self._call_function()
        else:
            self._call_contract()

    def _balance(self, depth: int) -> None:
        while self.depth > depth:
            self._op(0x50)
        while self.depth < depth:
            self._value()

    def _if(self, level: int) -> None:
        self._value()
        place = self._push_label()
        self._op(0x57)
        depth = self.depth
        self._statement(level + 1)
        self._balance(depth)
        self._here(place)

    def _loop(self, level: int) -> None:
        """At most eight times, the counter on the stack."""
        self._push(self.random.randint(1, 8))
        top = len(self.out)
        self.out.append(0x5B)
        depth = self.depth
        for _ in range(self.random.randint(1, 2)):
            self._statement(level + 1)
        self._balance(depth)
        self._push(7)
        self._op(0x16)
        self.out += b"\x80\x15"
        self.depth += 1
        end = self._push_label()
        self._op(0x57)
        self.out += b"\x60\x01\x90\x03"
        self._push_label(top)
        self._op(0x56)
        self._here(end)

    def _counting_loop(self, level: int) -> None:
        """Upwards, by steps that are small or are not, towards what is near or is not."""
        random = self.random
        start = random.choice((0, 0, 0, 1, 5, 2**40, 2**41 - 2, 2**63, 2**64 - 3))
        step = random.choice((1, 1, 1, 2, 32, 255, 768, 769))
        end = start + step * random.randint(1, 8) if random.random() < 0.95 else random.choice(EDGES)
        self._push(start)
        top = len(self.out)
        self.out.append(0x5B)
        depth = self.depth
        self._statement(level + 1)
        self._balance(depth)
        self._push(step)
        self._op(0x01)
        if random.random() < 0.5:
            self.out.append(0x80)
            self.depth += 1
            self._push(end)
            self._op(0x11)
        else:
            self._push(end)
            self.out.append(0x81)
            self.depth += 1
            self._op(0x10)
        self._push_label(top)
        self._op(0x57)

    def _call_function(self) -> None:
        back = self._push_label()
        self.function_calls.append((self._push_label(), self.random.randrange(3)))
        self._op(0x56)
        self.depth -= 1
        self._here(back)

    def _functions(self, count: int) -> None:
        """Each takes only its return address, and goes back to it."""
        places = []
        for _ in range(count):
            places.append(len(self.out))
            self.out.append(0x5B)
            self.depth = 1
            if self.random.random() < 0.7:
                self._statement(3)
            self._balance(1)
            self.out.append(0x56)
        for place, number in self.function_calls:
            self.out[place : place + 2] = places[number].to_bytes(2)

    def _call_contract(self) -> None:
        code = self.random.choice(
            (CALL, CALLCODE, DELEGATECALL, STATICCALL, CALL, STATICCALL, CREATE, CREATE2)
        )
        if code in (CREATE, CREATE2):
            if code == CREATE2:
                self._value()
            for _ in range(2):
                self._push(self.random.choice((0, 1, 32)))
            self._push(self.random.choice((0, 0, 1)))
        else:
            for _ in range(4):
                self._push(self.random.choice(NEAR))
            if code in (CALL, CALLCODE):
                self._push(self.random.choice((0, 0, 1)))
            self._push(self.random.choice((SELF, OTHER, OTHER, MISSING, 2, 4)))
            self._push(self.random.choice((0, 100, 3000, 20_000, 2**32)))
        self._op(code)

    def _push_label(self, place: int = 0) -> int:
        """A push of two bytes, to be filled in by `_here`; where they are."""
        self.out += b"\x61" + place.to_bytes(2)
        self.depth += 1
        return len(self.out) - 2

    def _here(self, place: int) -> None:
        self.out[place : place + 2] = len(self.out).to_bytes(2)
        self.out.append(0x5B)
