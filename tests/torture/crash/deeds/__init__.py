"""Bad things, one function each. After each everything runs again, or it raises `Broken`."""

from tests.torture.crash.deeds import clock, damage, disks, kills, limits, points, power
from tests.torture.crash.deeds.registry import DEEDS, FAMILIES, Deed, Impossible

__all__ = [
    "DEEDS",
    "FAMILIES",
    "Deed",
    "Impossible",
    "clock",
    "damage",
    "disks",
    "kills",
    "limits",
    "points",
    "power",
]
