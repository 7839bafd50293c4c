"""LLVM IR as text, line by line: a function's body with fresh names, and a place for what seldom runs.

Text and not llvmlite's builder, because it is several times faster and needs no LLVM to be looked at.
"""

from __future__ import annotations

from typing import Final

LIKELY: Final = "!prof !0"
MAX_LINES: Final = 100_000


class TooLong(Exception):
    """The function would be longer than LLVM should be given."""


class Text:
    """A function's body, being written."""

    def __init__(self) -> None:
        self._hot: list[str] = []
        self._cold: list[str] = []
        self._lines = self._hot
        self._names = 0
        self._here = ""

    @property
    def here(self) -> str:
        """The label of the LLVM block that is being written."""
        return self._here

    def name(self, hint: str) -> str:
        """A fresh label."""
        self._names += 1
        return f"{hint}.{self._names}"

    def label(self, name: str) -> None:
        """Begins an LLVM block."""
        self._lines.append(f"{name}:")
        self._here = name

    def do(self, line: str) -> None:
        """An instruction without a value."""
        self._lines.append("  " + line)

    def value(self, expression: str) -> str:
        """An instruction with a value: its name."""
        self._names += 1
        self._lines.append(f"  %v{self._names} = {expression}")
        return f"%v{self._names}"

    def branch(self, condition: str, then: str, otherwise: str, *, likely: bool = False) -> None:
        """A conditional branch; `likely` when it nearly always goes to `then`."""
        weights = f", {LIKELY}" if likely else ""
        self.do(f"br i1 {condition}, label %{then}, label %{otherwise}{weights}")

    def jump(self, to: str) -> None:
        """An unconditional branch."""
        self.do(f"br label %{to}")

    def aside(self, label: str) -> Aside:
        """Writes an LLVM block that seldom runs, away from the others; `with` ends it."""
        return Aside(self, label)

    def begin_aside(self, label: str) -> tuple[list[str], str]:
        """Goes on in what seldom runs; gives what `end_aside` needs."""
        before = self._lines, self._here
        self._lines = self._cold
        self.label(label)
        return before

    def end_aside(self, before: tuple[list[str], str]) -> None:
        """Goes on with the LLVM block that was interrupted."""
        self._lines, self._here = before

    def check_length(self) -> None:
        """Raises TooLong."""
        if len(self._hot) + len(self._cold) > MAX_LINES:
            raise TooLong(f"its code would be longer than {MAX_LINES} lines for LLVM")

    def body(self) -> str:
        """Everything, what seldom runs last."""
        return "\n".join(self._hot + self._cold)


class Aside:
    """A detour into the lines of what seldom runs. (Asides don't nest.)"""

    def __init__(self, text: Text, label: str) -> None:
        self._text = text
        self._label = label

    def __enter__(self) -> None:
        self._before = self._text.begin_aside(self._label)

    def __exit__(self, *_: object) -> None:
        self._text.end_aside(self._before)


def constant(value: str) -> int | None:
    """The number that an operand is, when it is one."""
    return None if value.startswith("%") else int(value)
