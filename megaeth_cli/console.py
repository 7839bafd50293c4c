"""The console of every rich rendering: text that is not ours cannot steer the terminal through it."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from megaeth_cli.visible import visible


class VisibleConsole(Console):
    """Writes out control characters in what it renders; rich's own codes are added after that."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of a renderable, each with visible text."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
