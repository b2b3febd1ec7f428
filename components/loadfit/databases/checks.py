"""What a database plan breaks: connections, roles, pools, replicas, clients, file descriptors."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from loadfit.core import limits
from loadfit.core.exact import exact, show_number
from loadfit.core.findings import Consequence, Finding, Severity
from loadfit.core.paths import Path
from loadfit.core.wording import SHOWN, counted, few
from loadfit.databases import codes
from loadfit.databases.budget import connections_to_hold, headroom, own_limit
from loadfit.databases.consequences import of_app_pool, of_connections, of_descriptors, of_server_pool
from loadfit.databases.load import INTERNAL, POOL_TIMEOUT_SECONDS, RESERVED, ClientGroup
from loadfit.databases.plan import AppPoolPlan, DatabasePlan, PoolState
from loadfit.databases.pools import replicas_for_throughput, shares

__all__ = ["app_pool_names", "findings", "role_connections"]


def findings(plan: DatabasePlan) -> tuple[Finding, ...]:
    """Everything that does not fit or leaves too little margin, errors first."""
    found = [
        *_connections(plan),
        *_roles(plan),
        *_app_pools_short(plan),
        *_server_pool(plan),
        *_replicas(plan),
        *_clients(plan),
        *_file_descriptors(plan),
        *_app_pools_oversized(plan),
        *_estimated(plan),
    ]
    return tuple(sorted(found, key=lambda finding: finding.severity is not Severity.ERROR))


def _finding(
    plan: DatabasePlan,
    code: str,
    severity: Severity,
    path: Path,
    numbers: tuple[int | Fraction, int | Fraction, str],
    equation: str,
    message: str,
    of: str = "",
    asks: tuple[str, ...] = (),
    state: str = "",
    consequences: Iterable[Consequence] = (),
) -> Finding:
    """A finding about the database, or about a part of it."""
    needed, available, unit = numbers
    subject = f"{of} on {plan.name}" if of else plan.name
    return Finding(
        code,
        severity,
        plan.load.where(path),
        Fraction(needed),
        Fraction(available),
        unit,
        equation,
        message,
        subject,
        asks,
        state,
        # A warning is of a load that is carried.
        tuple(consequences) if severity is Severity.ERROR else (),
    )


def _in_rollout(groups: Sequence[ClientGroup]) -> str:
    """The state in which groups of clients open the most connections: a rollout, where it adds any."""
    steady = sum(group.peak_pods * group.connections_per_pod for group in groups)
    return "in a rollout" if connections_to_hold(groups) > steady else ""


def _connections(plan: DatabasePlan) -> Iterator[Finding]:
    needed, usable, budget = plan.server_connections, plan.usable, plan.budget
    if plan.load.checks_server is False:
        # What is short on the server, another of its databases says; a limit of its own is this one's.
        own = own_limit(plan.load)
        usable = budget = needed if own is None else own
    if needed <= budget:
        return
    over = needed > usable
    limit, most = _binding_limit(plan, usable)
    terms = [_term(group) for group in plan.load.direct_groups]
    if len(terms) > SHOWN:
        terms = [*terms[:SHOWN], f"{len(terms) - SHOWN:,} more groups of clients"]
    if plan.pools:
        terms.append(_pooler(plan))
    total = f"; {counted(needed, 'connection')} in all" if len(terms) > 1 else ""
    what = " straight to PostgreSQL" if not plan.pools else ""
    when = " in a rollout" if plan.load.direct_groups else ""
    yield _finding(
        plan,
        codes.DATABASE_CONNECTIONS_SHORT,
        Severity.ERROR if over else Severity.WARNING,
        limit,
        (needed, usable if over else budget, "connections"),
        "; ".join(terms) + total,
        f"{plan.name} needs {counted(needed, 'connection')}{what}{when}; {most}",
        state=_in_rollout(plan.load.direct_groups),
        consequences=of_connections(needed, usable, "PostgreSQL", _in_rollout(plan.load.direct_groups)),
    )


def _binding_limit(plan: DatabasePlan, usable: int) -> tuple[Path, str]:
    """The field that decides how many connections there are, and what it leaves."""
    load = plan.load
    if usable == load.database_limit:
        return ("database_limit",), f"the database's own limit is {load.database_limit:,}"
    if load.role_limit is not None and usable == load.role_limit * len(load.roles):
        each = f" for each of {len(load.roles)} roles" if len(load.roles) > 1 else ""
        return ("role_limit",), f"the role's own limit is {load.role_limit:,}{each}"
    reserved = RESERVED if load.reserved is None else load.reserved
    internal = INTERNAL if load.internal is None else load.internal
    others = sum((load.other_clients or {}).values())
    taken = f" - {others:,} of others" if others else ""
    siblings = [f"{number:,} of {name}" for name, number in (load.connections_of_others or {}).items()]
    if siblings:
        taken += f" - {few(siblings, separator=' - ')} on the same server"
    free = headroom(load, plan.max_connections)
    estimated = load.max_connections is None
    return (
        ("instance_class",) if estimated else ("max_connections",),
        (
            f"max_connections {'is estimated at ' if estimated else ''}{plan.max_connections:,}: {plan.usable:,} "
            f"usable (- {reserved:,} reserved - {internal:,} internal{taken}), {plan.budget:,} with {free:,} left free"
        ),
    )


def _term(group: ClientGroup) -> str:
    """A direct group's connections: "20 pods x 20 = 400, with overflow 600, in a rollout 750"."""
    kept = group.pools_per_pod * group.pool_size
    text = f"{group.client}: {counted(group.peak_pods, group.noun)} x {kept:,} = {group.peak_pods * kept:,}"
    most = group.peak_pods * group.connections_per_pod
    if group.max_overflow:
        text += f", with overflow {most:,}"
    held = connections_to_hold([group])
    return text + (f", in a rollout {held:,}" if held != most else "")


def _pooler(plan: DatabasePlan) -> str:
    total = plan.replicas * plan.server_connections_per_replica
    return f"PgBouncer: {counted(plan.replicas, 'replica')} x {plan.server_connections_per_replica:,} = {total:,}"


def role_connections(plan: DatabasePlan) -> Mapping[str, int]:
    """Connections to PostgreSQL of each role, through PgBouncer and straight, in a rollout."""
    held = {pool.user: plan.replicas * pool.size_per_replica for pool in plan.pools}
    for group in plan.load.direct_groups:
        role = plan.load.role_of(group)
        held[role] = held.get(role, 0) + connections_to_hold([group])
    return held


def _roles(plan: DatabasePlan) -> Iterator[Finding]:
    """The limit of each role by itself; that of a single role is in the budget."""
    limit, held = plan.load.role_limit, role_connections(plan)
    if limit is None or len(held) == 1:
        return
    pools = {pool.user: pool.size_per_replica for pool in plan.pools}
    for role, needed in held.items():
        if needed > limit:
            pool = pools.get(role, 0)
            straight = needed - plan.replicas * pool
            yield _finding(
                plan,
                codes.ROLE_CONNECTIONS_SHORT,
                Severity.ERROR,
                ("role_limit",),
                (needed, limit, "connections"),
                f"PgBouncer: {counted(plan.replicas, 'replica')} x {pool:,} = {plan.replicas * pool:,}; straight to "
                f"PostgreSQL in a rollout {straight:,}; {needed:,} connections in all",
                f"role {role} needs {counted(needed, 'connection')} on {plan.name}, and its own limit is {limit:,}",
                role,
                consequences=of_connections(needed, limit, "PostgreSQL", _in_rollout(plan.load.direct_groups)),
            )


def _server_pool(plan: DatabasePlan) -> Iterator[Finding]:
    each = plan.server_connections_per_replica
    need = sum(pool.needed_per_replica for pool in plan.pools)
    if need <= each:
        return
    share = shares(plan.load, plan.replicas)
    busiest = max(share.values())
    behind = each < len(plan.pools) or any(
        pool.offered_erlangs * busiest >= pool.size_per_replica for pool in plan.pools
    )
    have = f"{counted(plan.replicas, 'replica')} x {each:,} = {plan.replicas * each:,}"
    waits = ", ".join(f"{state.value} {_shown_wait(plan.p99_wait_ms[state])}" for state in PoolState)
    yield _finding(
        plan,
        codes.SERVER_POOL_SHORT,
        Severity.ERROR if behind else Severity.WARNING,
        ("server_connections",),
        (plan.replicas * need, plan.replicas * each, "server connections"),
        f"{counted(plan.replicas, 'replica')} x {need:,} = {plan.replicas * need:,} server connections: "
        + "; ".join(_need(plan, index) for index in range(min(SHOWN, len(plan.pools)))),
        f"PgBouncer has {have} server connections for {plan.name} and needs {plan.replicas * need:,}"
        + (": it falls behind, and the queue grows without bound" if behind else f"; p99 wait {waits}"),
        state="while replicas restart" if _keeps_up_steadily(plan) else "",
        consequences=of_server_pool(plan),
    )


def _keeps_up_steadily(plan: DatabasePlan) -> bool:
    """Whether the server connections are short only while replicas restart."""
    load = plan.load
    share = shares(load, plan.replicas)[PoolState.STEADY]
    utilization, target = load.policy_value("steady_utilization"), load.policy_value("steady_p99_wait_ms")
    return plan.p99_wait_ms[PoolState.STEADY] <= target and all(
        pool.offered_erlangs * share <= utilization * pool.size_per_replica for pool in plan.pools
    )


def _need(plan: DatabasePlan, index: int) -> str:
    load, pool = plan.load, plan.pools[index]
    who = f"{pool.user}: " if len(plan.pools) > 1 else ""
    parts = [
        f"{state.value} {show_number(pool.offered_erlangs * share)} busy, p99 wait <= "
        f"{show_number(load.policy_value(f'{state.value}_p99_wait_ms'))} ms at "
        f"{show_number(load.policy_value(f'{state.value}_utilization') * 100)}%"
        for state, share in shares(load, plan.replicas).items()
    ]
    return f"{who}{', '.join(parts)} -> {pool.needed_per_replica:,} each"


def _shown_wait(milliseconds: float) -> str:
    return f"{show_number(milliseconds, 1)} ms" if math.isfinite(milliseconds) else "without bound"


def _replicas(plan: DatabasePlan) -> Iterator[Finding]:
    if not plan.pools:
        return
    load = plan.load
    total = sum((exact(group.transactions_per_second) for group in load.pooled_groups), Fraction(0))
    needed = replicas_for_throughput(load, total)
    if plan.replicas >= needed:
        return
    each = show_number(load.policy_value("transactions_per_second_per_replica"))
    alone = plan.replicas == 1
    yield _finding(
        plan,
        codes.POOLER_REPLICAS_SHORT,
        Severity.WARNING,
        ("replicas",) if load.replicas is not None else ("server_connections",),
        (needed, plan.replicas, "replicas"),
        f"ceil({show_number(total)} transactions/s / {each}) + 1 = {needed:,} replicas",
        f"with one of {counted(plan.replicas, 'replica')} restarting, "
        + ("none is left" if alone else f"{plan.replicas - 1:,} cannot carry {show_number(total)} transactions/s"),
    )


def _clients(plan: DatabasePlan) -> Iterator[Finding]:
    if plan.clients_to_hold <= plan.max_client_conn:
        return
    terms = [
        f"{counted(group.pods_to_hold(group.peak_pods), group.noun)} of {group.client} x {group.connections_per_pod:,}"
        for group in plan.load.pooled_groups
    ]
    if len(terms) > SHOWN:
        terms = [*terms[:SHOWN], f"{len(terms) - SHOWN:,} more groups"]
    steady = sum(group.peak_pods * group.connections_per_pod for group in plan.load.pooled_groups)
    most = sum(group.pods_at_most(group.peak_pods) * group.connections_per_pod for group in plan.load.pooled_groups)
    terminating = f", {most:,} while all replaced pods are still terminating" if most > plan.clients_to_hold else ""
    yield _finding(
        plan,
        codes.CLIENT_CONNECTIONS_SHORT,
        Severity.ERROR,
        ("max_client_conn",),
        (plan.clients_to_hold, plan.max_client_conn, "client connections"),
        f"in a rollout {' + '.join(terms)} = {plan.clients_to_hold:,} client connections",
        f"clients of {plan.name} open {plan.clients_to_hold:,} connections in a rollout "
        f"(steady {steady:,}{terminating}), and max_client_conn is {plan.max_client_conn:,}",
        state=_in_rollout(plan.load.pooled_groups),
        consequences=of_connections(
            plan.clients_to_hold, plan.max_client_conn, "PgBouncer", _in_rollout(plan.load.pooled_groups)
        ),
    )


def _file_descriptors(plan: DatabasePlan) -> Iterator[Finding]:
    available = limits.PROCESS_FILE_DESCRIPTORS.value
    if plan.file_descriptors > available:
        yield _finding(
            plan,
            codes.POOLER_FILE_DESCRIPTORS_SHORT,
            Severity.ERROR,
            ("max_client_conn",),
            (plan.file_descriptors, available, "file descriptors"),
            f"{plan.max_client_conn:,} clients + 2 x {plan.server_connections_per_replica:,} server connections + "
            f"{counted(plan.replicas, 'replica')} + 64 = {plan.file_descriptors:,} file descriptors",
            f"each PgBouncer process of {plan.name} needs {plan.file_descriptors:,} file descriptors, and a container "
            f"may have {available:,}",
            consequences=of_descriptors(plan.file_descriptors, available),
        )


def _app_pools_short(plan: DatabasePlan) -> Iterator[Finding]:
    subjects = app_pool_names(plan)
    for pool in plan.app_pools:
        if pool.size >= pool.needed:
            continue
        group = plan.load.clients[pool.position]
        timeout = group.pool_timeout_seconds or POOL_TIMEOUT_SECONDS
        fails = pool.p99_wait_ms / 1000 > timeout
        target = show_number(plan.load.policy_value("steady_p99_wait_ms"))
        yield _finding(
            plan,
            codes.APP_POOL_SHORT,
            Severity.ERROR if fails else Severity.WARNING,
            ("clients", pool.position, "pool_size"),
            (pool.needed, pool.size, "connections in each pool"),
            f"{_app_load(group, pool)} -> {pool.needed:,} for a p99 wait of at most {target} ms",
            f"each pool of {pool.client} has {counted(pool.size, 'connection')}, and callers wait "
            f"{_shown_wait(pool.p99_wait_ms)} (p99; the time-out is {show_number(timeout)} s); {pool.needed:,} needed",
            subjects[pool.position],
            consequences=of_app_pool(group, pool),
        )


def _app_pools_oversized(plan: DatabasePlan) -> Iterator[Finding]:
    subjects = app_pool_names(plan)
    for pool in plan.app_pools:
        group = plan.load.clients[pool.position]
        if pool.size > pool.most_used and group.function:
            yield _finding(
                plan,
                codes.APP_POOL_OVERSIZED,
                Severity.WARNING,
                ("clients", pool.position, "pool_size"),
                (pool.size, pool.most_used, "connections in each instance"),
                f"{counted(group.pods, 'instance')} x {counted(pool.size, 'connection')} = "
                f"{group.pods * pool.size:,}; one request at a time, one transaction after the other: 1 is used",
                f"each instance of {pool.client} opens {counted(pool.size, 'connection')} and uses one at a time",
                subjects[pool.position],
            )
        elif pool.size > pool.most_used:
            yield _finding(
                plan,
                codes.APP_POOL_OVERSIZED,
                Severity.WARNING,
                ("clients", pool.position, "pool_size"),
                (pool.size, pool.most_used, "connections in each pool"),
                f"{_app_load(group, pool)}; Erlang B({pool.most_used:,}) <= 0.000001",
                f"each pool of {pool.client} opens up to {counted(pool.size, 'connection')} and needs more than "
                f"{pool.most_used:,} less than once in a million transactions",
                subjects[pool.position],
            )


def _app_load(group: ClientGroup, pool: AppPoolPlan) -> str:
    return (
        f"{show_number(group.transactions_per_second)}/s x {show_number(group.mean_transaction_ms)} ms / "
        f"({counted(group.pods, 'pod')} x {counted(group.pools_per_pod, 'pool')}) = "
        f"{show_number(pool.offered_erlangs)} busy in each"
    )


def app_pool_names(plan: DatabasePlan) -> list[str]:
    """The client of each of the applications' pools, with its position where it is not the only one of that name."""
    count = Counter(pool.client for pool in plan.app_pools)
    return [
        pool.client if count[pool.client] == 1 else f"{pool.client} (clients[{pool.position}])"
        for pool in plan.app_pools
    ]


def _estimated(plan: DatabasePlan) -> Iterator[Finding]:
    if plan.load.max_connections is None:
        yield _finding(
            plan,
            codes.MAX_CONNECTIONS_ESTIMATED,
            Severity.WARNING,
            ("instance_class",),
            (plan.max_connections, plan.max_connections, "connections"),
            f"(0.90 x memory of {plan.load.instance_class} - 128 MiB) / 9,531,392 = {plan.max_connections:,}, at most "
            "5,000",
            f"max_connections of {plan.name} is estimated at {plan.max_connections:,} from its instance class",
            asks=("Set max_connections as a number in a parameter group of your own, and declare that number.",),
        )
