"""How a command ends that could not do its work."""

__all__ = ["BAD_INPUT", "CANNOT_WRITE", "DOES_NOT_FIT", "FITS", "Failure"]

FITS = 0
DOES_NOT_FIT = 1
BAD_INPUT = 2
CANNOT_WRITE = 74
"""EX_IOERR of sysexits.h: neither verdict was told."""


class Failure(Exception):
    """A command's input is wrong in a way that is not a load's; its text is all that the user sees."""
