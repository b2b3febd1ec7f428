"""Tables."""

import pandas

__all__ = ["table"]


def table(lines):
    return pandas.DataFrame(lines, columns=["price", "quantity"])
