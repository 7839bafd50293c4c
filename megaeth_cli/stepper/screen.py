"""The stepper's screen, by textual. Keys move through a recording; all text comes from `panels`."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.markup import escape
from textual.screen import ModalScreen
from textual.widgets import Static

from megaeth_cli.stepper import panels
from megaeth_cli.stepper.recording import Recording

_KEYS = (
    ("right, n", "next instruction"),
    ("left, p", "instruction before"),
    ("down, l", "next source line"),
    ("up, k", "source line before"),
    ("c", "to the next call"),
    ("o", "out of this call"),
    ("r", "to the next revert or halt"),
    ("d", "to where detention began"),
    ("home, end", "to the beginning, to the end"),
    ("1 to 7", "one panel alone: 1 and 2 are those on the left"),
    ("0, escape", "all panels"),
    ("page up, down", "scroll the panel that is alone, else the stack"),
    ("?", "this help"),
    ("q", "leave"),
)
NAMES = ("source", "code", "calls", "gas", "stack", "memory", "storage")


class Help(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,enter", "dismiss", "close")]

    def compose(self) -> ComposeResult:
        """One text."""
        lines = [f"{keys:<14} {what}" for keys, what in _KEYS]
        yield Static("\n".join(["Keys", "", *lines]), id="help", markup=False)


class Stepper(App[None]):
    """Shows one moment of a recording."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layers: base; }
    #head, #said { height: 1; background: $panel; }
    #left, #right { width: 1fr; }
    VerticalScroll { border: round $primary; border-title-align: left; height: 1fr; overflow-x: hidden;
        scrollbar-size-vertical: 1; }
    #calls, #gas { height: auto; max-height: 7; }
    #stack { height: 3fr; }
    #memory, #storage { height: 2fr; }
    Static { width: auto; }
    .alone #body VerticalScroll { display: none; }
    .alone #body VerticalScroll.shown { display: block; height: 1fr; max-height: 100%; }
    .alone #body .empty { display: none; }
    Help { align: center middle; }
    #help { border: round $accent; padding: 0 1; background: $surface; width: auto; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,n", "move(1)", "next", priority=True),
        Binding("left,p", "move(-1)", "back", priority=True),
        Binding("down,l", "jump('next_line')", "line", priority=True),
        Binding("up,k", "jump('previous_line')", "line before", priority=True),
        Binding("c", "jump('next_call')", "call"),
        Binding("o", "jump('out')", "out"),
        Binding("r", "jump('failure')", "revert"),
        Binding("d", "detention", "detention"),
        Binding("home", "end(True)", "start", priority=True),
        Binding("end", "end(False)", "end", priority=True),
        Binding("pageup", "page(-1)", "up", priority=True),
        Binding("pagedown", "page(1)", "down", priority=True),
        Binding("question_mark", "help", "help"),
        Binding("q", "quit", "quit"),
        Binding("0,escape", "alone(-1)", "all"),
        *(Binding(str(n + 1), f"alone({n})", name) for n, name in enumerate(NAMES)),
    ]

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording
        self.number = 0
        self._alone = -1

    def compose(self) -> ComposeResult:
        """Sources and instructions on the left, all else on the right."""
        yield Static(id="head", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield from map(_panel, NAMES[:2])
            with Vertical(id="right"):
                yield from map(_panel, NAMES[2:])
        yield Static(id="said", markup=False)

    def on_mount(self) -> None:
        """Draws for the first time."""
        self.call_after_refresh(self._draw)

    def on_resize(self, _: events.Resize) -> None:
        """Source and instructions take as much as there is room for."""
        self.call_after_refresh(self._draw)

    def action_move(self, steps: int) -> None:
        """So many instructions on."""
        self._go(self.number + steps)

    def action_jump(self, way: str) -> None:
        """To where one of the recording's ways leads."""
        found = getattr(self.recording, way)(self.number)
        self._go(found, _NOWHERE[way])

    def action_detention(self) -> None:
        """To the first read of volatile data."""
        self._go(self.recording.detention, "nothing volatile was read: no detention")

    def action_end(self, first: bool) -> None:
        """To the first or the last instruction."""
        self._go(0 if first else len(self.recording) - 1)

    def action_alone(self, place: int) -> None:
        """One panel alone, or all."""
        self._alone = -1 if place == self._alone else place
        self.screen.set_class(self._alone >= 0, "alone")
        for n, name in enumerate(NAMES):
            self.query_one(f"#{name}").set_class(n == self._alone, "shown")
        for side, names in (("left", NAMES[:2]), ("right", NAMES[2:])):
            is_empty = self._alone >= 0 and NAMES[self._alone] not in names
            self.query_one(f"#{side}").set_class(is_empty, "empty")
        self.call_after_refresh(self._draw)

    def action_page(self, pages: int) -> None:
        """Up or down in the panel that is alone, else in the stack."""
        box = self.query_one(f"#{NAMES[self._alone] if self._alone >= 0 else 'stack'}", VerticalScroll)
        box.scroll_relative(y=pages * box.content_size.height, animate=False)

    def action_help(self) -> None:
        """All keys."""
        self.push_screen(Help())

    def _go(self, number: int | None, otherwise: str = "") -> None:
        if number is None:
            self._say(otherwise)
            return
        self.number = min(max(number, 0), len(self.recording) - 1)
        self._draw()

    def _draw(self) -> None:
        moment = self.recording.moment(self.number)
        self.query_one("#head", Static).update(Text(panels.headline(self.recording, moment)))
        for name in NAMES:
            box = self.query_one(f"#{name}", VerticalScroll)
            height = max(box.content_size.height, 1)
            if name == "source":
                box.border_title = escape(panels.source_title(self.recording, moment))
                lines = panels.source(self.recording, moment, height)
            elif name == "code":
                lines = panels.code(self.recording, moment, height)
            else:
                lines = panels.PANELS[name](self.recording, moment)
            if name in ("stack", "storage"):
                lines = [panels.fitted(line, box.content_size.width) for line in lines]
            # Text, as what contracts are called is no markup.
            box.query_one(Static).update(Text("\n".join(lines), no_wrap=True))
        self._say("? help  → next  ← back  ↓ line  c call  o out  r revert  d detention  q quit")

    def _say(self, text: str) -> None:
        self.query_one("#said", Static).update(Text(text))


_NOWHERE = {
    "next_call": "no call begins after this",
    "out": "this is the outermost call",
    "next_line": "no line comes after this",
    "previous_line": "no line comes before this",
    "failure": "nothing failed",
}


def _panel(name: str) -> VerticalScroll:
    box = VerticalScroll(Static(markup=False), id=name)
    box.border_title = "instructions" if name == "code" else name
    box.can_focus = False
    return box
