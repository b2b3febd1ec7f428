"""What clients would meet if nothing was changed: by hand, and by the laws worked out another way."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given, settings

from loadfit.core.findings import Basis, Consequence, Finding, Severity
from loadfit.core.queueing import wait_quantile
from loadfit.databases import codes
from loadfit.databases.consequences import share_beyond_timeout
from tests.databases import oracle
from tests.databases.strategies import documents
from tests.databases.test_checks import clients, found, straight
from tests.databases.test_sizing import simple, sized
from tests.strategies import Document


def consequence(document: Document, code: str) -> Consequence:
    finding = found(document, code)
    assert isinstance(finding, Finding)
    (only,) = finding.consequences
    return only


def test_the_incidents_refused_connections() -> None:
    """20 pods and 5 more in a rollout x 30 = 750, of 200 - 5 - 6 = 189."""
    refused = consequence(straight(clients=[clients(pool_size=20, max_overflow=10)]), codes.DATABASE_CONNECTIONS_SHORT)
    assert (refused.name, refused.amount, refused.basis) == ("connections_refused", 561, Basis.COUNTED)
    assert refused.sentence == "561 of 750 connections are refused by PostgreSQL in a rollout (750 - 189)"


def test_where_others_take_all_every_connection_is_refused() -> None:
    refused = consequence(straight(other_clients={"bi": 500}), codes.DATABASE_CONNECTIONS_SHORT)
    assert (refused.amount, refused.sentence.endswith("(250 - 0)")) == (250, True)


def test_clients_beyond_max_client_conn_are_refused() -> None:
    """25 pods x 10 = 250 of 200."""
    refused = consequence(simple(max_client_conn=200), codes.CLIENT_CONNECTIONS_SHORT)
    assert refused.sentence == "50 of 250 connections are refused by PgBouncer in a rollout (250 - 200)"


def test_roles_are_refused_by_their_own_limit() -> None:
    groups = [clients(pool_size=2, user="app"), clients(pool_size=1, transactions_per_second=1, user="batch")]
    refused = consequence(straight(role_limit=30, clients=groups), codes.ROLE_CONNECTIONS_SHORT)
    assert refused.amount == 25 * 2 - 30


def test_clients_without_a_descriptor_hang() -> None:
    """1,000,000 clients + 2 x 22 + 2 + 64 - 524,288."""
    hanging = consequence(simple(max_client_conn=1_000_000), codes.POOLER_FILE_DESCRIPTORS_SHORT)
    finding = found(simple(max_client_conn=1_000_000), codes.POOLER_FILE_DESCRIPTORS_SHORT)
    assert finding is not None
    assert (hanging.amount, hanging.basis) == (finding.needed - finding.available, Basis.AT_MOST)


def test_a_pool_that_falls_behind_while_replicas_restart() -> None:
    """2,000/s x 10 ms = 20 busy, all on one replica of 15: 5 too many, 500 transactions a second."""
    queued = consequence(simple(replicas=2, server_connections=30), codes.SERVER_POOL_SHORT)
    assert (queued.amount, queued.unit) == (500, "transactions per second")
    assert "500 of 2,000 transactions a second" in queued.sentence
    assert "while replicas restart" in queued.sentence


def test_a_pool_that_falls_behind_at_any_time() -> None:
    """Steady 60% of 20 = 12 busy on one of 10: 200 a second of 1,200."""
    queued = consequence(simple(replicas=2, server_connections=20), codes.SERVER_POOL_SHORT)
    assert queued.amount == 200
    assert "while replicas restart" not in queued.sentence


def waiting(pool: int, timeout: float, **fields: float) -> Consequence:
    """One pod with one pool, of 1 s transactions."""
    group = clients(pool_size=pool, mean_transaction_ms=1000, pool_timeout_seconds=timeout, **fields)
    document = simple(clients=[group])
    document["workloads"]["orders"]["pods"] = 1
    return consequence(document, codes.APP_POOL_SHORT)


@pytest.mark.parametrize(
    ("pool", "rate", "timeout", "share"),
    [
        # One server: P(W > t) = rho exp(-(1 - rho) t / s).
        (1, 0.5, 1, 0.5 * math.exp(-0.5)),
        (1, 0.9, 10, 0.9 * math.exp(-1)),
        # Two servers at 1 erlang: C = 1/3; exp(-(2 - 1) t / s).
        (2, 1, 2, math.exp(-2) / 3),
    ],
)
def test_failed_checkouts_are_those_that_the_law_of_the_wait_leaves_beyond_the_time_out(
    pool: int, rate: float, timeout: float, share: float
) -> None:
    failed = waiting(pool, timeout, transactions_per_second=rate)
    assert (failed.name, failed.basis) == ("failed_checkouts_per_hour", Basis.EXPECTED)
    assert float(failed.amount) == pytest.approx(share * rate * 3600, rel=1e-9)


def test_failed_checkouts_are_those_of_a_simulation() -> None:
    """200,000 callers of 3 connections at 2.5 erlangs, first come first served: 1.2 s and more of waiting."""
    servers, rate, timeout, callers = 3, 2.5, 1.2, 200_000
    dice, now, late = random.Random(3), 0.0, 0
    free = [0.0] * servers
    for _ in range(callers):
        now += dice.expovariate(rate)
        first = min(range(servers), key=free.__getitem__)
        start = max(now, free[first])
        late += start - now > timeout
        free[first] = start + dice.expovariate(1.0)
    failed = waiting(servers, timeout, transactions_per_second=rate)
    assert float(failed.amount) / (rate * 3600) == pytest.approx(late / callers, rel=0.05)


def test_a_pool_that_cannot_keep_up_fails_at_least_what_it_cannot_carry() -> None:
    """4 erlangs on 3 connections carry 3 a second of 4 at the most."""
    failed = waiting(3, 30, transactions_per_second=4)
    assert (failed.amount, failed.basis) == (3600, Basis.AT_LEAST)
    assert failed.sentence.startswith("at least 3,600 of 14,400 checkouts an hour")


@settings(max_examples=60, deadline=None)
@given(documents())
def test_only_errors_have_consequences_and_all_of_them_are_finite(document: Document) -> None:
    for one in sized(document).findings:
        assert one.severity is Severity.ERROR or not one.consequences
        assert all(consequence.amount > 0 for consequence in one.consequences)
        if one.unit in ("connections", "client connections"):
            (refused,) = one.consequences or (None,)
            assert refused is None or refused.amount == one.needed - max(Fraction(0), one.available)


@settings(max_examples=60, deadline=None)
@given(documents())
def test_the_share_beyond_a_time_is_the_wait_read_the_other_way(document: Document) -> None:
    """The oracle's Erlang C, and the percentile of the wait at that share."""
    plan = sized(document)
    for pool in plan.app_pools:
        group = plan.load.clients[pool.position]
        share = share_beyond_timeout(group, pool, 0.05)
        if share is None:
            assert pool.offered_erlangs >= pool.size
            continue
        cv2 = 1.0 if group.transaction_cv2 is None else group.transaction_cv2
        seconds = group.mean_transaction_ms / 1000
        if pool.offered_erlangs:
            at_once = oracle.erlang_c(pool.size, float(pool.offered_erlangs))
            decay = 0.05 * (pool.size - float(pool.offered_erlangs)) / ((1 + cv2) / 2 * seconds)
            assert share == pytest.approx(at_once * math.exp(-decay), rel=1e-6, abs=1e-300)
        if 1e-6 < share < 1:
            wait = wait_quantile(pool.size, pool.offered_erlangs, seconds, 1 - share, cv2)
            assert wait == pytest.approx(0.05, rel=1e-6)
