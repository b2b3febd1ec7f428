from utilities.sums import money


def test_money_is_exact():
    assert str(money([("0.10", 3)])) == "0.30"
