"""Opcodes that are functions of their operands, on LLVM's i256, and on i64 where `ranges` says that they fit.

Division is never LLVM's: for 256 bits that is a loop over bits. Powers of two are shifts, divisors that fit into 64
bits are the machine's, the rest is the host's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from devnet.jit.abi import FRAME, HOST
from devnet.jit.opcodes import (
    ADD,
    ADDMOD,
    AND,
    BYTE,
    CLZ,
    DIV,
    EQ,
    GT,
    ISZERO,
    LT,
    MOD,
    MUL,
    MULMOD,
    NOT,
    OR,
    SAR,
    SDIV,
    SGT,
    SHL,
    SHR,
    SIGNEXTEND,
    SLT,
    SMOD,
    SUB,
    XOR,
)
from devnet.jit.ranges import ANY, COUNTED, Range, of_number, result
from devnet.jit.text import Text, constant

LARGEST: Final = (1 << 64) - 1
"""Of what fits into 64 bits."""


class Arithmetic:
    """Writes pure opcodes into a function's text."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._products: dict[str, tuple[str, str]] = {}
        """Values that are products, with their factors: what compilers check by a division."""
        self._narrow: dict[str, tuple[Range, str]] = {}
        """Values that fit into 64 bits, with those."""
        self._bounds: dict[str, str] = {}
        """Other values, or the greatest that fits into 64 bits where they are greater."""

    def write(self, code: int, operands: list[str], gas: int) -> str:
        """The opcode's value; the first operand is the stack's top, `gas` is what it costs."""
        ranges = [self.range(operand) for operand in operands]
        expected = result(code, ranges, gas)
        value = None
        if expected.narrow and all(one.narrow for one in ranges):
            value = self._write_narrow(code, operands, expected)
        if value is None:
            value = self._write(code, operands, ranges)
            if (
                expected.narrow
                and constant(value) is None
                and value not in operands
                and value not in self._narrow
            ):
                self._narrow[value] = expected, self._text.value(f"trunc i256 {value} to i64")
        if code == MUL:
            self._products[value] = operands[0], operands[1]
        return value

    def _write_narrow(self, code: int, operands: list[str], expected: Range) -> str | None:
        """On 64 bits, where that is simple."""
        undoes = code == DIV and operands[1] in self._products.get(operands[0], ())
        if code not in NARROW_WAYS or undoes:
            return None
        low = NARROW_WAYS[code](self, *map(self.low, operands))
        return self.widen(low, expected) if low is not None else None

    def _write(self, code: int, operands: list[str], ranges: list[Range]) -> str:
        if code in BINARY:
            return self._text.value(f"{BINARY[code]} i256 {operands[0]}, {operands[1]}")
        if code in COMPARISONS:
            return self._flag(self._compare(COMPARISONS[code], operands, ranges))
        return OTHERS[code](self, *operands)

    def range(self, value: str) -> Range:
        """What is known of a value."""
        number = constant(value)
        if number is not None:
            return of_number(number)
        known = self._narrow.get(value)
        return known[0] if known is not None else ANY

    def low(self, value: str) -> str:
        """The lower 64 bits of a value."""
        if constant(value) is not None:
            return str(int(value) & (1 << 64) - 1)
        known = self._narrow.get(value)
        return known[1] if known is not None else self._text.value(f"trunc i256 {value} to i64")

    def widen(self, low: str, known: Range) -> str:
        """A value that fits into 64 bits, from those."""
        if constant(low) is not None:
            return low
        value = self._text.value(f"zext i64 {low} to i256")
        self._narrow[value] = known, low
        return value

    def at_most(self, value: str) -> str:
        """A value, or the greatest that fits into 64 bits where it is greater."""
        if self.range(value).narrow:
            return self.low(value)
        if constant(value) is not None:
            return str(LARGEST)
        beyond = self._text.value(f"icmp ugt i256 {value}, {LARGEST}")
        return self._text.value(f"select i1 {beyond}, i64 {LARGEST}, i64 {self.low(value)}")

    def bound(self, value: str, most: str) -> None:
        """Makes known what `at_most` has found before."""
        self._bounds[value] = most

    def is_some(self, value: str) -> str:
        """Whether a value is not zero."""
        known = self._narrow.get(value)
        if known is not None:
            return self._text.value(f"icmp ne i64 {known[1]}, 0")
        return self._text.value(f"icmp ne i256 {value}, 0")

    def _flag(self, comparison: str) -> str:
        bit = self._text.value(comparison)
        value = self._text.value(f"zext i1 {bit} to i256")
        self._narrow[value] = Range(1), self._text.value(f"zext i1 {bit} to i64")
        return value

    def _compare(self, how: str, operands: list[str], ranges: list[Range]) -> str:
        first, second = ranges
        if first.narrow and second.narrow:
            # None of them is negative.
            how = how.replace("s", "u")
            return f"icmp {how} i64 {self.low(operands[0])}, {self.low(operands[1])}"
        if how.startswith("u") and (first.narrow or second.narrow):
            # One that doesn't fit is the greater one.
            wide = operands[1] if first.narrow else operands[0]
            if wide in self._bounds and min(first.bits, second.bits) <= COUNTED:
                # The narrow one is less than the greatest that fits.
                ends = [self._bounds.get(operand) or self.low(operand) for operand in operands]
                return f"icmp {how} i64 {ends[0]}, {ends[1]}"
            beyond = self._text.value(f"icmp ugt i256 {wide}, {LARGEST}")
            within = self._text.value(f"icmp {how} i64 {self.low(operands[0])}, {self.low(operands[1])}")
            if first.narrow == (how == "ult"):
                return f"or i1 {beyond}, {within}"
            return f"select i1 {beyond}, i1 false, i1 {within}"
        return f"icmp {how} i256 {operands[0]}, {operands[1]}"

    def _iszero(self, value: str) -> str:
        known = self._narrow.get(value)
        return self._flag(f"icmp eq i64 {known[1]}, 0" if known is not None else f"icmp eq i256 {value}, 0")

    def _narrow_division(self, how: str, dividend: str, divisor: str) -> str:
        text = self._text
        known = constant(divisor)
        if known is not None:
            return text.value(f"{how} i64 {dividend}, {divisor}") if known else "0"
        nothing = text.value(f"icmp eq i64 {divisor}, 0")
        quotient = text.value(
            f"{how} i64 {dividend}, {text.value(f'select i1 {nothing}, i64 1, i64 {divisor}')}"
        )
        return text.value(f"select i1 {nothing}, i64 0, i64 {quotient}")

    def _narrow_shift(self, how: str, bits: str, value: str) -> str | None:
        known = constant(bits)
        if known is None:
            return None
        return self._text.value(f"{how} i64 {value}, {known}") if known < 64 else "0"

    def _not(self, value: str) -> str:
        return self._text.value(f"xor i256 {value}, -1")

    def _divide(self, dividend: str, divisor: str) -> str:
        known = constant(divisor)
        if known is not None and known & (known - 1) == 0:
            return "0" if known == 0 else self._text.value(f"lshr i256 {dividend}, {known.bit_length() - 1}")
        factors = self._products.get(dividend)
        if factors is not None and divisor in factors:
            return self._undone_product(dividend, divisor, factors)
        return self._call("divide", dividend, divisor)

    def _undone_product(self, product: str, divisor: str, factors: tuple[str, str]) -> str:
        """A product divided by one of its factors is the other one, unless it was cut off (or the factor is zero)."""
        text = self._text
        other = factors[1] if divisor == factors[0] else factors[0]
        if all(self.range(factor).narrow for factor in factors):
            return text.value(f"select i1 {self.is_some(divisor)}, i256 {other}, i256 0")
        zeros = [text.value(f"call i256 @llvm.ctlz.i256(i256 {factor}, i1 false)") for factor in factors]
        whole = text.value(f"icmp uge i256 {text.value(f'add i256 {zeros[0]}, {zeros[1]}')}, 256")
        some = text.value(f"icmp ne i256 {divisor}, 0")
        fits = text.value(f"and i1 {whole}, {some}")
        slow, done, before = text.name("divide"), text.name("divided"), text.here
        text.branch(fits, done, slow, likely=True)
        with text.aside(slow):
            quotient = self._call("divide", product, divisor)
            text.jump(done)
        text.label(done)
        return text.value(f"phi i256 [ {other}, %{before} ], [ {quotient}, %{slow} ]")

    def _modulo(self, dividend: str, divisor: str) -> str:
        known = constant(divisor)
        if known is not None and known & (known - 1) == 0:
            return "0" if known == 0 else self._text.value(f"and i256 {dividend}, {known - 1}")
        return self._call("modulo", dividend, divisor)

    def _call(self, function: str, *operands: str) -> str:
        arguments = ", ".join(f"i256 {operand}" for operand in operands)
        return self._text.value(f"call i256 @{function}(ptr %frame, {arguments})")

    def _signextend(self, size: str, value: str) -> str:
        text = self._text
        known = constant(size)
        if known is not None:
            if known >= 31:
                return value
            left = text.value(f"shl i256 {value}, {248 - 8 * known}")
            return text.value(f"ashr i256 {left}, {248 - 8 * known}")
        small = text.value(f"icmp ult i256 {size}, 31")
        bits = text.value(f"sub i256 248, {text.value(f'shl i256 {size}, 3')}")
        left = text.value(f"shl i256 {value}, {bits}")
        extended = text.value(f"ashr i256 {left}, {bits}")
        return text.value(f"select i1 {small}, i256 {extended}, i256 {value}")

    def _byte(self, position: str, value: str) -> str:
        text = self._text
        known = constant(position)
        if known is not None:
            if known >= 32:
                return "0"
            return text.value(f"and i256 {text.value(f'lshr i256 {value}, {248 - 8 * known}')}, 255")
        inside = text.value(f"icmp ult i256 {position}, 32")
        bits = text.value(f"sub i256 248, {text.value(f'shl i256 {position}, 3')}")
        low = text.value(f"and i256 {text.value(f'lshr i256 {value}, {bits}')}, 255")
        return text.value(f"select i1 {inside}, i256 {low}, i256 0")

    def _shift(self, how: str, bits: str, value: str) -> str:
        text = self._text
        known = constant(bits)
        if known is not None and known < 256:
            return text.value(f"{how} i256 {value}, {known}")
        if how == "ashr":
            inside = text.value(f"icmp ult i256 {bits}, 255")
            most = text.value(f"select i1 {inside}, i256 {bits}, i256 255")
            return text.value(f"ashr i256 {value}, {most}")
        if known is not None:
            return "0"
        inside = text.value(f"icmp ult i256 {bits}, 256")
        shifted = text.value(f"{how} i256 {value}, {bits}")
        return text.value(f"select i1 {inside}, i256 {shifted}, i256 0")

    def _leading_zeros(self, value: str) -> str:
        return self._text.value(f"call i256 @llvm.ctlz.i256(i256 {value}, i1 false)")


BINARY: Final = {ADD: "add", MUL: "mul", SUB: "sub", AND: "and", OR: "or", XOR: "xor"}
COMPARISONS: Final = {LT: "ult", GT: "ugt", SLT: "slt", SGT: "sgt", EQ: "eq"}
NARROW_WAYS: Final[dict[int, Callable[..., str | None]]] = {
    ADD: lambda self, *operands: self._text.value(f"add i64 {operands[0]}, {operands[1]}"),
    MUL: lambda self, *operands: self._text.value(f"mul i64 {operands[0]}, {operands[1]}"),
    DIV: lambda self, *operands: self._narrow_division("udiv", *operands),
    SDIV: lambda self, *operands: self._narrow_division("udiv", *operands),
    MOD: lambda self, *operands: self._narrow_division("urem", *operands),
    SMOD: lambda self, *operands: self._narrow_division("urem", *operands),
    AND: lambda self, *operands: self._text.value(f"and i64 {operands[0]}, {operands[1]}"),
    OR: lambda self, *operands: self._text.value(f"or i64 {operands[0]}, {operands[1]}"),
    XOR: lambda self, *operands: self._text.value(f"xor i64 {operands[0]}, {operands[1]}"),
    SHL: lambda self, *operands: self._narrow_shift("shl", *operands),
    SHR: lambda self, *operands: self._narrow_shift("lshr", *operands),
    SAR: lambda self, *operands: self._narrow_shift("lshr", *operands),
}
"""Where operands and result fit into 64 bits, and none is negative; nothing where that takes more."""
OTHERS: Final[dict[int, Callable[..., str]]] = {
    DIV: Arithmetic._divide,
    SDIV: lambda self, *operands: self._call("sdivide", *operands),
    MOD: Arithmetic._modulo,
    SMOD: lambda self, *operands: self._call("smodulo", *operands),
    ADDMOD: lambda self, *operands: self._call("addmod", *operands),
    MULMOD: lambda self, *operands: self._call("mulmod", *operands),
    SIGNEXTEND: Arithmetic._signextend,
    ISZERO: Arithmetic._iszero,
    NOT: Arithmetic._not,
    BYTE: Arithmetic._byte,
    SHL: lambda self, bits, value: self._shift("shl", bits, value),
    SHR: lambda self, bits, value: self._shift("lshr", bits, value),
    SAR: lambda self, bits, value: self._shift("ashr", bits, value),
    CLZ: Arithmetic._leading_zeros,
}


def helpers(body: str, *, x86: bool) -> str:
    """The functions that are called in a body, directly or by each other."""
    found: dict[str, str] = {}
    waiting = [body]
    while waiting:
        text = waiting.pop()
        for name, write in HELPERS.items():
            if name not in found and f"@{name}(" in text:
                found[name] = write(x86)
                waiting.append(found[name])
    return "\n".join(found.values())


def _by_host(function: str, name: str, operands: int) -> str:
    """A function that hands its operands to one of the host's."""
    names = ["a", "b", "n"][:operands]
    parameters = "".join(f", i256 %{one}" for one in names)
    slots = "\n".join(f"  %{one}.at = alloca i256, align 8" for one in (*names, "out"))
    stores = "\n".join(f"  store i256 %{one}, ptr %{one}.at, align 8" for one in names)
    arguments = ", ".join(f"ptr %{one}.at" for one in (*names, "out"))
    return f"""define internal i256 @{function}(ptr %frame{parameters}) #1 {{
{slots}
{stores}
  %table.at = getelementptr i8, ptr %frame, i64 {FRAME["host"]}
  %table = load ptr, ptr %table.at, align 8
  %function.at = getelementptr i8, ptr %table, i64 {HOST[name]}
  %function = load ptr, ptr %function.at, align 8
  call void %function({arguments})
  %result = load i256, ptr %out.at, align 8
  ret i256 %result
}}
"""


def _unsigned(function: str, host: str, *, remainder: bool, x86: bool) -> str:
    """Division by what fits into 64 bits is the machine's, limb by limb; the rest is the host's."""
    instruction = "urem" if remainder else "udiv"
    return f"""define internal i256 @{function}(ptr %frame, i256 %a, i256 %b) #1 {{
  %b.high = lshr i256 %b, 64
  %b.small = icmp eq i256 %b.high, 0
  br i1 %b.small, label %short, label %host
short:
  %b64 = trunc i256 %b to i64
  %nothing = icmp eq i64 %b64, 0
  br i1 %nothing, label %zero, label %some
zero:
  ret i256 0
some:
  %a.high = lshr i256 %a, 64
  %a.small = icmp eq i256 %a.high, 0
  br i1 %a.small, label %machine, label %{"limbs" if x86 else "host"}
machine:
  %a64 = trunc i256 %a to i64
  %r64 = {instruction} i64 %a64, %b64
  %r = zext i64 %r64 to i256
  ret i256 %r
{_limbs(remainder) if x86 else ""}host:
  %answer = call i256 @host_{host}(ptr %frame, i256 %a, i256 %b)
  ret i256 %answer
}}
"""


def _limbs(remainder: bool) -> str:
    """Long division by one limb with x86's instruction: what remains of a limb is the upper half of the next one."""
    lines = [
        "limbs:",
        "  %a.upper = lshr i256 %a, 128",
        "  %a.half = icmp eq i256 %a.upper, 0",
        "  br i1 %a.half, label %two, label %four",
    ]
    for label, count in (("two", 2), ("four", 4)):
        lines.append(f"{label}:")
        rest, quotient = "0", ""
        for limb in reversed(range(count)):
            name = f"%{label}.{limb}"
            lines += [
                f"  {name}.shifted = lshr i256 %a, {64 * limb}",
                f"  {name}.limb = trunc i256 {name}.shifted to i64",
                f'  {name}.both = call {{ i64, i64 }} asm "divq $4", "={{ax}},={{dx}},{{ax}},{{dx}},r,~{{flags}}"'
                f"(i64 {name}.limb, i64 {rest}, i64 %b64)",
                f"  {name}.quotient = extractvalue {{ i64, i64 }} {name}.both, 0",
                f"  {name}.rest = extractvalue {{ i64, i64 }} {name}.both, 1",
                f"  {name}.wide = zext i64 {name}.quotient to i256",
                f"  {name}.placed = shl i256 {name}.wide, {64 * limb}",
            ]
            rest = f"{name}.rest"
            if quotient:
                lines.append(f"  {name}.sum = or i256 {quotient}, {name}.placed")
                quotient = f"{name}.sum"
            else:
                quotient = f"{name}.placed"
        if remainder:
            lines.append(f"  %{label}.remainder = zext i64 {rest} to i256")
            quotient = f"%{label}.remainder"
        lines.append(f"  ret i256 {quotient}")
    return "\n".join(lines) + "\n"


def _signed(function: str, unsigned: str, sign: str) -> str:
    """By magnitudes; `sign` says when the result is negative. (The least number is its own magnitude, without sign.)"""
    return f"""define internal i256 @{function}(ptr %frame, i256 %a, i256 %b) #1 {{
  %a.negative = icmp slt i256 %a, 0
  %b.negative = icmp slt i256 %b, 0
  %a.minus = sub i256 0, %a
  %b.minus = sub i256 0, %b
  %a.size = select i1 %a.negative, i256 %a.minus, i256 %a
  %b.size = select i1 %b.negative, i256 %b.minus, i256 %b
  %size = call i256 @{unsigned}(ptr %frame, i256 %a.size, i256 %b.size)
  %negative = {sign}
  %minus = sub i256 0, %size
  %result = select i1 %negative, i256 %minus, i256 %size
  ret i256 %result
}}
"""


HELPERS: Final[dict[str, Callable[[bool], str]]] = {
    "divide": lambda x86: _unsigned("divide", "divide", remainder=False, x86=x86),
    "modulo": lambda x86: _unsigned("modulo", "modulo", remainder=True, x86=x86),
    "sdivide": lambda _: _signed("sdivide", "divide", "xor i1 %a.negative, %b.negative"),
    "smodulo": lambda _: _signed("smodulo", "modulo", "and i1 %a.negative, true"),
    "host_divide": lambda _: _by_host("host_divide", "div", 2),
    "host_modulo": lambda _: _by_host("host_modulo", "modulo", 2),
    "addmod": lambda _: _by_host("addmod", "addmod", 3),
    "mulmod": lambda _: _by_host("mulmod", "mulmod", 3),
    "power": lambda _: _by_host("power", "exp", 2),
}
