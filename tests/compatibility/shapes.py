"""What answers look like, apart from the values that differ between any two chains."""

import re
from typing import Any

_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]*)")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")
_WIDTHS = {42: "address", 66: "word"}


def shape(value: Any) -> Any:
    """Types instead of values; a list's is that of what is in it, once each."""
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        shapes: list[Any] = []
        for member in map(shape, value):
            if member not in shapes:
                shapes.append(member)
        return shapes
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value if value is None else "boolean"
    return "number"


def _text(value: str) -> str:
    if len(value) in _WIDTHS and _DATA.fullmatch(value):
        return _WIDTHS[len(value)]
    if _QUANTITY.fullmatch(value):
        return "quantity"
    return "data" if _DATA.fullmatch(value) else "text"


def lacks(ours: Any, theirs: Any, where: str = "") -> list[str]:
    """Where an answer of ours would surprise a program that was written for theirs; members of ours alone don't."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        found = [f"{where}.{key} is missing" for key in theirs.keys() - ours.keys()]
        for key in theirs.keys() & ours.keys():
            found += lacks(ours[key], theirs[key], f"{where}.{key}")
        return sorted(found)
    if isinstance(theirs, list) and isinstance(ours, list):
        return [
            one for mine, other in zip(ours, theirs, strict=False) for one in lacks(mine, other, f"{where}[]")
        ]
    alike = {"quantity", "data"}
    if (
        ours == theirs
        or {ours if isinstance(ours, str) else None, theirs if isinstance(theirs, str) else None} == alike
    ):
        return []
    return [f"{where or 'the answer'} is {ours}, not {theirs}"]
