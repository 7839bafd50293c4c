"""What bad things there are, by name, in families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tests.torture.crash.scene import Scene

Deed = Callable[[Scene], None]
Add = Callable[[str], Callable[[Deed], Deed]]
DEEDS: Final[dict[str, Deed]] = {}
FAMILIES: Final[dict[str, str]] = {}
"""Of each deed."""


class Impossible(Exception):
    """Not here; says why."""


def family(kind: str) -> Add:
    """What decorates a deed of this family, with its name."""

    def deed(name: str) -> Callable[[Deed], Deed]:
        def add(function: Deed) -> Deed:
            assert name not in DEEDS
            DEEDS[name] = function
            FAMILIES[name] = kind
            return function

        return add

    return deed
