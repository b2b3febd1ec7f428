"""Small wordings that messages share."""

from collections.abc import Iterable

__all__ = ["counted", "few"]

SHOWN = 3


def few(items: Iterable[str], *, separator: str = ", ", most: int = SHOWN) -> str:
    """The first items, each once, and how many more there are.

    Example:
        >>> few(["a", "b", "a", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    each = list(dict.fromkeys(items))
    rest = f" and {len(each) - most:,} more" if len(each) > most else ""
    return separator.join(each[:most]) + rest


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "address", "addresses"), counted(1200, "pod")
        ('1 address', '1,200 pods')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
