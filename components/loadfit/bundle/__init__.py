"""What a function's deployment package weighs, why it starts slowly, and how to pack it without ballast."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from loadfit.bundle.contents import Contents
    from loadfit.bundle.needless import Needless
    from loadfit.bundle.node import NoBundler
    from loadfit.bundle.opening import read_contents
    from loadfit.bundle.own import own_sources
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
    "own_sources",
    "pack",
    "read_contents",
    "weigh",
    "weigh_contents",
]

# Imported on first use: whoever wants the explanation of a code does not wait for what reads and writes zip files.
_HOMES = {
    "Compression": "zipping",
    "Contents": "contents",
    "Needless": "needless",
    "NoBundler": "node",
    "Removal": "selection",
    "own_sources": "own",
    "read_contents": "opening",
    **dict.fromkeys(("Packed", "cache_folder", "language_of", "pack"), "packing"),
    **dict.fromkeys(
        ("Layer", "MachineCode", "Part", "Weight", "in_mb", "over_limits", "weigh", "weigh_contents"), "weighing"
    ),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
