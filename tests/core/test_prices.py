"""Prices are exact, dated, and never guessed."""

from fractions import Fraction

import pytest

from loadfit.core.prices import HOURS_PER_MONTH, egress_prices, show_difference, show_dollars


@pytest.mark.parametrize(
    ("region", "rate"),
    [
        ("us-east-1", "0.045"),
        ("us-west-2", "0.045"),
        ("eu-west-1", "0.048"),
        ("eu-west-2", "0.05"),
        ("ca-central-1", "0.05"),
        ("ca-west-1", "0.05"),
    ],
)
def test_verified_regions(region: str, rate: str) -> None:
    """Those that the price list itself gave."""
    prices = egress_prices(region)
    assert prices is not None
    assert prices.gateway_hour == prices.gateway_gb == Fraction(rate)
    assert prices.address_hour * HOURS_PER_MONTH == Fraction("3.65")
    assert prices.as_of
    assert prices.source
    assert prices.of_data(1000.5) == Fraction("1000.5") * Fraction(rate)


@pytest.mark.parametrize("region", ["ap-southeast-1", "sa-east-1", "", "US-EAST-1"])
def test_other_regions_have_no_price(region: str) -> None:
    """A price that was not verified is not known."""
    assert egress_prices(region) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Fraction("109.5"), "$109.50"),
        (Fraction("1109.504"), "$1,109.50"),
        (0, "$0.00"),
        (Fraction(-365, 100), "-$3.65"),
    ],
)
def test_dollars_for_people(amount: Fraction, text: str) -> None:
    """To the cent."""
    assert show_dollars(amount) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "price not known"),
        (Fraction(0), "no extra cost"),
        (Fraction(73), "+$73.00 a month"),
        (Fraction(-365, 100), "-$3.65 a month"),
    ],
)
def test_differences_for_people(amount: Fraction | None, text: str) -> None:
    """With their sign; an unknown price is not nothing."""
    assert show_difference(amount) == text
