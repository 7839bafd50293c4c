"""Text that is not ours, made harmless for a terminal.

Return values, revert reasons, token names and a node's errors are written by strangers. A terminal obeys escape
sequences and hides what bidirectional marks reorder: both are shown as JSON writes them (`\\u001b`), which keeps JSON
JSON. What we paint ourselves is added afterwards.
"""

from functools import cache

_BIDI_AND_INVISIBLE = (
    *range(0x200B, 0x2010),  # zero width, left-to-right and right-to-left marks
    *range(0x202A, 0x202F),  # embeddings and overrides
    *range(0x2060, 0x2070),  # joiners, isolates, deprecated formatting
    *range(0xFFF9, 0xFFFC),  # interlinear annotation
    0x00AD, 0x061C, 0x180E, 0x2028, 0x2029, 0xFEFF,
)  # fmt: skip
_CONTROLS = (*range(0x20), *range(0x7F, 0xA0))
_SURROGATES = range(0xD800, 0xE000)
"""Alone they cannot even be encoded."""
_KEPT = "\n\t"


def visible(text: str) -> str:
    """The text with everything that steers a terminal written out; newlines and tabs stay."""
    return text if _harmless(text) else text.translate(_escapes())


def one_line(text: str) -> str:
    """The same, and newlines and tabs written out too: it cannot pass for lines of our own."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _harmless(text: str) -> bool:
    return text.isascii() and (text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable())


@cache
def _escapes() -> dict[int, str]:
    codes = {*_CONTROLS, *_BIDI_AND_INVISIBLE, *_SURROGATES} - {ord(kept) for kept in _KEPT}
    return {code: f"\\u{code:04x}" for code in codes}
