"""What a deployment package of a function weighs, and the same package without what need not ship."""

from loadfit.bundle.contents import Contents
from loadfit.bundle.needless import Needless
from loadfit.bundle.node import NoBundler
from loadfit.bundle.opening import read_contents
from loadfit.bundle.packing import Packed, cache_folder, language_of, pack
from loadfit.bundle.selection import Removal
from loadfit.bundle.weighing import Layer, MachineCode, Part, Weight, in_mb, over_limits, weigh, weigh_contents
from loadfit.bundle.zipping import Compression

__all__ = [
    "Compression",
    "Contents",
    "Layer",
    "MachineCode",
    "Needless",
    "NoBundler",
    "Packed",
    "Part",
    "Removal",
    "Weight",
    "cache_folder",
    "in_mb",
    "language_of",
    "over_limits",
    "pack",
    "read_contents",
    "weigh",
    "weigh_contents",
]
