"""What each panel of the screen says at a moment, as plain lines. The screen cuts them to its size."""

from collections.abc import Callable
from textwrap import dedent

from megaeth_cli.stepper.recording import Moment, Recording
from megaeth_cli.traces.positions import line_text
from megaeth_cli.units import ether
from megaeth_cli.visible import one_line

NO_SOURCE = "no source is known here (megaeth import, or deploy it with megaeth)"
_BEFORE = 3
_WORD_BYTES = 32
_NARROWEST = 12
_MARK, _BLANK = "▶", " "


def source(recording: Recording, moment: Moment, height: int) -> list[str]:
    """The lines around the one that is executed."""
    line = recording.line(moment.number)
    if line is None:
        return [NO_SOURCE if not recording.positions.knows(moment.frame) else "made up by the compiler"]
    text = recording.positions.source(moment.frame, line)
    first = max(line.number - 1 - max(height // 2, 1), 0)
    shown = dedent("\n".join(one.expandtabs(4) for one in text[first : first + height])).split("\n")
    return [
        f"{_MARK if n + 1 == line.number else _BLANK}{n + 1:>4} {one_line(one)}"
        for n, one in enumerate(shown, first)
    ]


def source_title(recording: Recording, moment: Moment) -> str:
    """Where that is."""
    line = recording.line(moment.number)
    return one_line(line_text(line)) if line is not None else "source"


def code(recording: Recording, moment: Moment, height: int) -> list[str]:
    """The instructions around the one that is next, as they ran."""
    first = max(moment.number - _BEFORE, 0)
    lines = []
    for n in range(first, min(first + height, len(recording))):
        step, depth = recording.step(n), recording.frame(n).depth
        mark = _MARK if n == moment.number else _BLANK
        lines.append(f"{mark}{'·' * min(depth - 1, 6)}{step.pc:>5} {step.op:<14} {step.cost:>9,}")
    return lines


def calls(recording: Recording, moment: Moment) -> list[str]:
    """The calls that are open, the innermost first."""
    lines = []
    for frame in reversed(recording.path(moment.frame)):
        value = f" {{{ether(frame.value)} ETH}}" if frame.value else ""
        failed = " ✗" if frame.failed else ""
        lines.append(one_line(f"{recording.names.frame(frame).place}{value}{failed}"))
    return lines


def gas(recording: Recording, moment: Moment) -> list[str]:
    """What is left and what was used, in both dimensions as far as the node tells them."""
    whole, frame = recording.root, moment.frame
    lines = [
        f"left here {moment.step.gas:,}, next {moment.step.cost:,}",
        f"used {moment.used:,} of {whole.gas:,}",
        f"call  {_dimensions(frame.compute_gas, frame.storage_gas, frame.gas_used)}",
        f"whole {_dimensions(whole.compute_gas, whole.storage_gas, whole.gas_used)}",
    ]
    began = recording.detention
    if began is not None and recording.read is not None:
        since = "detained since" if moment.number > began else "detention begins at"
        lines.append(f"{since} {began + 1:,}: {recording.read.what}")
    return lines


def _dimensions(compute: int | None, storage: int | None, total: int) -> str:
    if compute is None or storage is None:
        return f"{total:,}"
    return f"compute {compute:,} storage {storage:,}"


def stack(_: Recording, moment: Moment) -> list[str]:
    """The top first."""
    words = reversed(moment.stack)
    return [f"{n:>3} {word}" for n, word in enumerate(words)] or ["empty"]


def memory(_: Recording, moment: Moment) -> list[str]:
    """Half a word a line, so that it fits."""
    if moment.memory is None:
        return ["not asked for: it ran for too long"]
    digits = "".join(word.removeprefix("0x").zfill(2 * _WORD_BYTES) for word in moment.memory)
    return [
        f"{at // 2:04x} {digits[at : at + _WORD_BYTES]}" for at in range(0, len(digits), _WORD_BYTES)
    ] or ["empty"]


def storage(_: Recording, moment: Moment) -> list[str]:
    """The slots that were met so far."""
    return [f"{_short(slot)} = {_short(value)}" for slot, value in moment.storage.items()] or ["none met yet"]


def _short(text: str) -> str:
    digits = text.removeprefix("0x").lstrip("0") or "0"
    return f"0x{digits}"


def fitted(line: str, width: int) -> str:
    """A line whose middle is left out where it is too long: both ends of a word say more than its first half."""
    if len(line) <= width or width < _NARROWEST:
        return line
    end = width // 3
    return f"{line[: width - end - 1]}…{line[-end:]}"


def headline(recording: Recording, moment: Moment) -> str:
    """Where one is."""
    place = one_line(recording.names.frame(moment.frame).place)
    rest = "" if recording.steps.complete else "+"
    return f"{moment.number + 1:,}/{len(recording):,}{rest}  {place}  depth {moment.frame.depth}"


PANELS: dict[str, Callable[[Recording, Moment], list[str]]] = {
    "calls": calls,
    "gas": gas,
    "stack": stack,
    "memory": memory,
    "storage": storage,
}
"""Those whose lines do not depend on their height."""
