"""Paths are shown, read back and followed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadfit.core.paths import Path, parse_path, replaced, set_path, show_path
from loadfit.egress import EgressLoad, Flow

labels = st.from_regex(r"[a-z][a-z0-9_-]{0,10}", fullmatch=True)


@given(st.tuples(labels, st.lists(labels | st.integers(0, 999), max_size=5)))
def test_what_is_shown_is_read_back(parts: tuple[str, list[str | int]]) -> None:
    """``parse_path`` undoes ``show_path``."""
    path: Path = (parts[0], *parts[1])
    assert parse_path(show_path(path)) == path


def test_setting_makes_the_mappings_on_the_way() -> None:
    """A policy that was not declared is made; lists are followed, not made."""
    document: dict[str, Any] = {"egress": {"flows": [{"to": "a"}]}}
    set_path(document, ("egress", "policy", "zone_skew"), 1.5)
    set_path(document, ("egress", "flows", 0, "via"), "ipv6")
    assert document == {"egress": {"flows": [{"to": "a", "via": "ipv6"}], "policy": {"zone_skew": 1.5}}}


def test_none_removes_a_key_and_what_is_not_there_stays_so() -> None:
    """What is not declared is computed."""
    document: dict[str, Any] = {"egress": {"gateways": 1}}
    set_path(document, ("egress", "gateways"), None)
    set_path(document, ("egress", "gateways"), None)
    assert document == {"egress": {}}


def test_a_model_is_copied_and_not_changed() -> None:
    """Frozen models stay as they are, also deep inside."""
    load = EgressLoad(
        region="us-east-1", zones=3, flows=[Flow(client="a", pods=1, to="a.com:443", connections_per_pod=5)]
    )
    changed = replaced(load, ("flows", 0, "connections_per_pod"), 4)
    assert (load.flows[0].connections_per_pod, changed.flows[0].connections_per_pod) == (5, 4)
    with pytest.raises(KeyError):
        replaced(load, ("gatways",), 1)
