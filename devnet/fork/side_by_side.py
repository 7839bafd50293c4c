"""Questions to a remote that are under way at a time: each takes as long as the way there and back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

Question = TypeVar("Question")
Result = TypeVar("Result")

AT_ONCE: Final = 8
"""As many as the running chain asks at a time (`fetcher.py`)."""


def side_by_side(ask: Callable[[Question], Result], questions: Iterable[Question]) -> list[Result]:
    """The results, in the order of the questions. Raises what the first of them raises that fails; nothing more is
    asked then. `ask`: from any thread."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fork-ask") as pool:
        return list(pool.map(ask, questions))
