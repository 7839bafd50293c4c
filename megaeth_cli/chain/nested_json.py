"""JSON that is nested as deeply as calls can be, which Python's reader refuses unless it is told."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_DEEPEST = 1024
"""Calls inside each other, at most; each is an object in a list of JSON."""


@contextmanager
def deep_answers() -> Iterator[None]:
    """Lets JSON be nested as deeply as calls can be."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 4 * _DEEPEST))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
