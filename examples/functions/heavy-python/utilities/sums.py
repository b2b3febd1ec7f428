"""Sums."""

from decimal import Decimal

__all__ = ["money"]


def money(lines):
    return sum(Decimal(price) * quantity for price, quantity in lines)
