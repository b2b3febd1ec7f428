"""Prices, dated and sourced, for the Regions where they were verified. A price that is not known is never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from loadfit.core.exact import exact

__all__ = ["HOURS_PER_MONTH", "EgressPrices", "egress_prices", "show_difference", "show_dollars"]

HOURS_PER_MONTH = 730
"""365 x 24 / 12, the month of AWS's own price examples."""


@dataclass(frozen=True, slots=True)
class EgressPrices:
    """What leaving a VPC through NAT gateways costs, in US dollars."""

    gateway_hour: Fraction
    """One NAT gateway, per hour."""
    gateway_gb: Fraction
    """One gigabyte through a NAT gateway, in either direction."""
    address_hour: Fraction
    """One public IPv4 address, in use or idle, per hour."""
    as_of: str
    """The day of the price list, or "declared"."""
    source: str

    def of_data(self, gigabytes: float) -> Fraction:
        """What gigabytes through the gateways cost."""
        return exact(gigabytes) * self.gateway_gb


# AWS price list, version 20260910195514: NatGateway-Hours and NatGateway-Bytes cost the same figure per hour and per
# gigabyte in each of these Regions.
_NAT_GATEWAY: Mapping[str, str] = {
    "us-east-1": "0.045",
    "us-west-2": "0.045",
    "eu-west-1": "0.048",
    "eu-west-2": "0.050",
    "ca-central-1": "0.050",
    "ca-west-1": "0.050",
}
# https://aws.amazon.com/vpc/pricing/, "Public IPv4 address": one price for all Regions.
_PUBLIC_ADDRESS_HOUR = "0.005"


def egress_prices(region: str) -> EgressPrices | None:
    """The verified prices of a Region, or ``None`` where none were verified.

    Args:
        region: The Region's code, such as ``us-east-1``.

    Example:
        >>> float(egress_prices("us-east-1").gateway_hour)
        0.045
        >>> egress_prices("sa-east-1")
    """
    rate = _NAT_GATEWAY.get(region)
    if rate is None:
        return None
    return EgressPrices(
        gateway_hour=Fraction(rate),
        gateway_gb=Fraction(rate),
        address_hour=Fraction(_PUBLIC_ADDRESS_HOUR),
        as_of="2026-09-10",
        source="AWS price list 20260910195514; https://aws.amazon.com/vpc/pricing/",
    )


def show_dollars(amount: Fraction | float) -> str:
    """An amount for people, to the cent: ``$1,109.50``."""
    return f"{'-' if amount < 0 else ''}${float(abs(round(exact(amount), 2))):,.2f}"


def show_difference(amount: Fraction | None) -> str:
    """A difference of a monthly cost for people: ``+$3.65 a month``, ``no extra cost``."""
    if amount is None:
        return "price not known"
    if amount == 0:
        return "no extra cost"
    return f"{'+' if amount > 0 else ''}{show_dollars(amount)} a month"
