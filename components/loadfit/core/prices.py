"""Prices, dated and sourced, for the Regions where they were verified. A price that is not known is never guessed."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from loadfit.core.exact import exact

__all__ = [
    "HOURS_PER_MONTH",
    "EgressPrices",
    "FunctionPrices",
    "egress_prices",
    "function_prices",
    "show_difference",
    "show_dollars",
]

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


@dataclass(frozen=True, slots=True)
class FunctionPrices:
    """What a Lambda function costs, in US dollars."""

    provisioned_gb_second: Fraction
    """A provisioned instance, used or idle, per gigabyte of memory and second."""
    provisioned_duration_gb_second: Fraction
    """A request on a provisioned instance, beside it, per gigabyte and second of its duration."""
    duration_gb_second: Fraction
    """A request on any other instance, per gigabyte and second of its duration."""
    million_requests: Fraction
    """A million requests."""
    as_of: str
    """When the prices were verified, or "declared"."""
    source: str

    @property
    def break_even_utilization(self) -> Fraction | None:
        """The share of the time from which on busy provisioned instances cost less than others; ``None``: never."""
        saved = self.duration_gb_second - self.provisioned_duration_gb_second
        return self.provisioned_gb_second / saved if saved > 0 else None


# AWS price list, us-east-1, first tier; other Regions differ and were not verified.
# By architecture: provisioned, duration on provisioned instances, duration on demand, each per GB-second.
_LAMBDA: Mapping[str, Mapping[str, tuple[str, str, str]]] = {
    "us-east-1": {
        "x86_64": ("0.0000041667", "0.0000097222", "0.0000166667"),
        "arm64": ("0.0000033334", "0.0000077778", "0.0000133334"),
    },
}
_LAMBDA_MILLION_REQUESTS = "0.20"


def function_prices(region: str, architecture: str) -> FunctionPrices | None:
    """The verified prices of a Region, or ``None`` where none were verified.

    Args:
        region: The Region's code, such as ``us-east-1``.
        architecture: ``x86_64`` or ``arm64``.

    Example:
        >>> prices = function_prices("us-east-1", "x86_64")
        >>> float(prices.provisioned_gb_second * 3600 * HOURS_PER_MONTH)
        10.9500876
        >>> round(float(prices.break_even_utilization), 3)
        0.6
    """
    rates = _LAMBDA.get(region, {}).get(architecture)
    if rates is None:
        return None
    provisioned, on_provisioned, on_demand = (Fraction(rate) for rate in rates)
    return FunctionPrices(
        provisioned_gb_second=provisioned,
        provisioned_duration_gb_second=on_provisioned,
        duration_gb_second=on_demand,
        million_requests=Fraction(_LAMBDA_MILLION_REQUESTS),
        as_of="2026-11",
        source="AWS price list, us-east-1; https://aws.amazon.com/lambda/pricing/",
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
