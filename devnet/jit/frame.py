"""The frame as the text of a function sees it: its fields, the stack's words, steps of the host, ways out.

Two things live in variables, which LLVM keeps in registers: the gas budget, and (in general nodes) from which height
words are counted.
"""

from __future__ import annotations

from typing import Final

from devnet.jit.abi import ACTION, FRAME, LEFT, LEFT_OUT, WORD
from devnet.jit.text import Text

FIXED: Final = "!invariant.load !1"

VARIABLES: Final = ("budget", "base")


class Frame:
    """Writes accesses to the frame."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._exits: list[tuple[str, str, str, str, str]] = []

    def declare(self) -> None:
        """At the function's beginning."""
        for name in VARIABLES:
            self._text.do(f"%{name} = alloca i64, align 8")
        self._text.do(f"%stack = load ptr, ptr %frame, align 8, {FIXED}")
        self.set("base", "0")
        self.set("budget", self.field("budget"))

    def get(self, variable: str) -> str:
        """A variable's value."""
        return self._text.value(f"load i64, ptr %{variable}, align 8")

    def set(self, variable: str, value: str) -> None:
        """Gives a variable its value."""
        self._text.do(f"store i64 {value}, ptr %{variable}, align 8")

    def field(self, name: str, kind: str = "i64", *, fixed: bool = False) -> str:
        """A field's value; `fixed` when it never changes while native code runs."""
        at = self._text.value(f"getelementptr i8, ptr %frame, i64 {FRAME[name]}")
        return self._text.value(f"load {kind}, ptr {at}, align 8{', ' + FIXED if fixed else ''}")

    def word_at(self, index: int, *, general: bool) -> str:
        """The place of a word of the stack."""
        if not general:
            return self._text.value(f"getelementptr i8, ptr %stack, i64 {index * WORD}")
        offset = self._text.value(f"shl i64 {self.get('base')}, 5")
        start = self._text.value(f"getelementptr i8, ptr %stack, i64 {offset}")
        return self._text.value(f"getelementptr i8, ptr {start}, i64 {index * WORD}")

    def load_word(self, index: int, *, general: bool) -> str:
        """A word of the stack in memory."""
        return self._text.value(f"load i256, ptr {self.word_at(index, general=general)}, align 8")

    def load_low(self, index: int, *, general: bool) -> str:
        """The lower 64 bits of a word of the stack in memory."""
        return self._text.value(f"load i64, ptr {self.word_at(index, general=general)}, align 8")

    def store_word(self, index: int, value: str, *, general: bool) -> None:
        """Puts a word into the stack in memory."""
        self._text.do(f"store i256 {value}, ptr {self.word_at(index, general=general)}, align 8")

    def height(self, height: int, *, general: bool) -> str:
        """The stack's length, as an operand."""
        return self._text.value(f"add i64 {self.get('base')}, {height}") if general else str(height)

    def step(self, code: int, pc: int, length: str, budget: str) -> str:
        """The host executes an instruction: the budget afterwards, or far below zero when that was the end."""
        return self._text.value(
            f"call i64 @step(ptr %frame, i64 {code}, i64 {pc}, i64 {length}, i64 {budget})"
        )

    def leave(self, pc: int | str, length: str, budget: str, *, left_out: bool = False) -> None:
        """Gives the frame back; everything that is alive is in the stack. `left_out`: because what follows wasn't
        compiled.
        """
        self._exits.append((str(pc), length, budget, str(LEFT_OUT if left_out else LEFT), self._text.here))
        self._text.jump("leave")

    def way_out(self) -> None:
        """The one place where all that leave meet; a budget far below zero means that the host has ended the frame."""
        text = self._text
        if not self._exits:
            return
        text.label("leave")
        names = []
        for position in range(4):
            arms = ", ".join(f"[ {one[position]}, %{one[4]} ]" for one in self._exits)
            names.append(text.value(f"phi i64 {arms}"))
        pc, length, budget, answer = names
        ended = text.value(f"icmp eq i64 {budget}, {ENDED}")
        text.branch(ended, "ended", "left")
        text.label("ended")
        text.do(f"ret i64 {ACTION}")
        text.label("left")
        for name, value in (("stack_len", length), ("pc", pc), ("budget", budget)):
            at = text.value(f"getelementptr i8, ptr %frame, i64 {FRAME[name]}")
            text.do(f"store i64 {value}, ptr {at}, align 8")
        text.do(f"ret i64 {answer}")


ENDED: Final = -(1 << 63)

STEP: Final = f"""define internal i64 @step(ptr %frame, i64 %code, i64 %pc, i64 %length, i64 %budget) #1 {{
  %length.at = getelementptr i8, ptr %frame, i64 {FRAME["stack_len"]}
  store i64 %length, ptr %length.at, align 8
  %pc.at = getelementptr i8, ptr %frame, i64 {FRAME["pc"]}
  store i64 %pc, ptr %pc.at, align 8
  %budget.at = getelementptr i8, ptr %frame, i64 {FRAME["budget"]}
  store i64 %budget, ptr %budget.at, align 8
  %host.at = getelementptr i8, ptr %frame, i64 {FRAME["host"]}
  %host = load ptr, ptr %host.at, align 8
  %function = load ptr, ptr %host, align 8
  %result = call i64 %function(ptr %frame, i64 %code)
  %on = icmp eq i64 %result, 0
  %rest = load i64, ptr %budget.at, align 8
  %after = select i1 %on, i64 %rest, i64 {ENDED}
  ret i64 %after
}}
"""
