"""Remappings, and which one an import takes: the compiler's rule, no files.

https://docs.soliditylang.org/en/latest/path-resolution.html#import-remapping
"""

import posixpath
from typing import NamedTuple

from megaeth_cli.compile.errors import CompileError


class Remapping(NamedTuple):
    """`context:prefix=target`: imports of prefix go to target, in units that start with the context."""

    context: str
    prefix: str
    target: str

    def __str__(self) -> str:
        return (
            f"{self.context}:{self.prefix}={self.target}" if self.context else f"{self.prefix}={self.target}"
        )

    @classmethod
    def parse(cls, text: str, where: str) -> "Remapping":
        """Read `[context:]prefix=[target]`."""
        left, equals, target = text.strip().partition("=")
        context, colon, prefix = left.partition(":")
        if not colon:
            context, prefix = "", left
        if not equals or not prefix:
            raise CompileError(
                f"{where}: not a remapping: {text.strip()!r}",
                "a remapping is [CONTEXT:]PREFIX=TARGET",
                "for example @openzeppelin/=lib/openzeppelin-contracts/",
            )
        return cls(context, prefix, target)


def resolve(wanted: str, importer: str, remappings: tuple[Remapping, ...]) -> str:
    """The unit name that an import statement means."""
    wanted = unmapped(wanted, importer)
    best = chosen(wanted, importer, remappings)
    return best.target + wanted[len(best.prefix) :] if best else wanted


def unmapped(wanted: str, importer: str) -> str:
    """The unit name that an import statement means before remappings."""
    return _join(posixpath.dirname(importer), wanted) if wanted.startswith(("./", "../")) else wanted


def chosen(unit: str, importer: str, remappings: tuple[Remapping, ...]) -> Remapping | None:
    """The remapping that the compiler takes for a unit."""
    fitting = [r for r in remappings if importer.startswith(r.context) and unit.startswith(r.prefix)]
    # Longest context, then longest prefix, then the last one given.
    best = max(
        enumerate(fitting),
        key=lambda one: (len(one[1].context), len(one[1].prefix), one[0]),
        default=(0, None),
    )
    return best[1]


def _join(directory: str, relative: str) -> str:
    parts = [part for part in directory.split("/") if part]
    rooted = directory.startswith("/")
    for part in relative.split("/"):
        if part == "..":
            # Above the root the compiler stays at the root.
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return ("/" if rooted else "") + "/".join(parts)
