"""The findings of function sizing: what each means, its equation, its sources."""

from collections.abc import Mapping

from loadfit.core import limits
from loadfit.core.explanations import Explanation

__all__ = [
    "ACCOUNT_LIMIT",
    "BURST",
    "DB_CONNECTIONS",
    "DB_UNBOUNDED",
    "EXPLANATIONS",
    "INIT_OVER_10S",
    "LATENCY_INFEASIBLE",
    "PC_TOO_SMALL",
    "RATE_10X",
    "RESERVED_LT_PC",
    "RESERVED_THROTTLES",
    "SCALING_RATE",
    "SNAPSTART_CONFLICT",
    "TIMEOUT_LT_P99",
    "UNZIPPED_TOO_BIG",
    "ZIP_TOO_BIG",
]

PC_TOO_SMALL = "PC_TOO_SMALL"
RATE_10X = "RATE_10X"
BURST = "BURST"
LATENCY_INFEASIBLE = "LATENCY_INFEASIBLE"
SCALING_RATE = "SCALING_RATE"
ACCOUNT_LIMIT = "ACCOUNT_LIMIT"
RESERVED_LT_PC = "RESERVED_LT_PC"
RESERVED_THROTTLES = "RESERVED_THROTTLES"
DB_CONNECTIONS = "DB_CONNECTIONS"
DB_UNBOUNDED = "DB_UNBOUNDED"
ZIP_TOO_BIG = "ZIP_TOO_BIG"
UNZIPPED_TOO_BIG = "UNZIPPED_TOO_BIG"
INIT_OVER_10S = "INIT_OVER_10S"
SNAPSTART_CONFLICT = "SNAPSTART_CONFLICT"
TIMEOUT_LT_P99 = "TIMEOUT_LT_P99"

_SHARE = (
    "share = B(n, rate x mean duration) + E[(Poisson(rate) - 10 n)+] / rate; allowed = max_cold_share, or "
    "(0.01 - P(warm > target)) / (P(cold > target) - P(warm > target)); instances = n + burst_size where it is above 1"
)
_PROVISIONED = "https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html"
_SNAPSTART = "https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html"
_ERLANG = "Erlang B: Jagerman, Bell System Technical Journal 53(3), 1974"

EXPLANATIONS: Mapping[str, Explanation] = {
    PC_TOO_SMALL: Explanation(
        "At the window's peak more requests find every warm instance busy than may start cold. Each of those may wait "
        "for a new instance, the initialization included, so the latency target does not hold.",
        _SHARE,
        (_ERLANG, limits.LAMBDA_REQUESTS_PER_INSTANCE.source),
    ),
    RATE_10X: Explanation(
        "A provisioned instance takes at most ten requests a second, however short they are; above that, requests "
        "spill over to instances that may start cold, although the warm ones are idle. Functions below 100 ms meet "
        "this limit before they run out of instances.",
        _SHARE,
        (limits.LAMBDA_REQUESTS_PER_INSTANCE.source,),
    ),
    BURST: Explanation(
        "The warm instances carry the requests that come one by one, but not a burst beside them: requests that arrive "
        "at the same moment need an instance each.",
        _SHARE,
        (_ERLANG,),
    ),
    LATENCY_INFEASIBLE: Explanation(
        "More than 1% of the warm requests already take longer than the p99 target, so no number of warm instances "
        "keeps it. The sizes shown are those for the lowest target, in whole milliseconds, that can be kept.",
        "P(warm > target) < 1%, with warm durations lognormal, of the declared mean and p99",
        ("assumption: lognormal durations",),
    ),
    SCALING_RATE: Explanation(
        "So many instances are missing at the window's peak that Lambda cannot start them within ten seconds; requests "
        "are throttled meanwhile.",
        "missing = instances needed - instances provisioned; at most 1,000 start in 10 seconds",
        (limits.LAMBDA_SCALING_RATE.source,),
    ),
    ACCOUNT_LIMIT: Explanation(
        "The function claims more of the account's concurrency than there is: its reserved concurrency, or the "
        "provisioned instances of the old and the new version in a deployment, beside what others claim and the 100 "
        "that always stay unreserved. The account's requests per second are ten times its concurrency.",
        "concurrency = max(claimed + claimed by others + 100, requests per second / 10)",
        (limits.LAMBDA_CONCURRENCY_QUOTA.source, limits.LAMBDA_UNRESERVED_CONCURRENCY.source),
    ),
    RESERVED_LT_PC: Explanation(
        "Provisioned instances come out of the reserved concurrency, those of all versions together. Below their "
        "number AWS refuses them (error); below both pools of a deployment (warning), the new version's are not made "
        "before the old one's are gone.",
        "reserved concurrency >= pools in a deployment x provisioned instances",
        (limits.LAMBDA_UNRESERVED_CONCURRENCY.source, _PROVISIONED),
    ),
    RESERVED_THROTTLES: Explanation(
        "Reserved concurrency is also the most that the function may run: what finds all of it busy is refused with "
        "the error 429, cold or not.",
        "B(reserved, rate x mean duration) + rate term <= throttled_share",
        (limits.LAMBDA_UNRESERVED_CONCURRENCY.source, _ERLANG),
    ),
    DB_CONNECTIONS: Explanation(
        "The function opens more connections than it may have: every instance that it can have opens its own, idle "
        "ones included.",
        "connections = reserved concurrency x connections_per_instance",
        ("https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html",),
    ),
    DB_UNBOUNDED: Explanation(
        "Requests that spill over get instances of their own, up to all that the account has left, and each opens "
        "connections. Only reserved concurrency bounds how many.",
        "connections <= reserved concurrency x connections_per_instance",
        (limits.LAMBDA_UNRESERVED_CONCURRENCY.source,),
    ),
    ZIP_TOO_BIG: Explanation(
        "Lambda takes zip files of up to 50 MB directly; larger ones have to be uploaded through S3.",
        "zipped_mb <= 50",
        (limits.LAMBDA_ZIP.source,),
    ),
    UNZIPPED_TOO_BIG: Explanation(
        "Code and layers together may have 250 MB unpacked, a container image 10,240 MB.",
        "unzipped_mb <= 250 (zip), 10,240 (image)",
        (limits.LAMBDA_UNZIPPED.source,),
    ),
    INIT_OVER_10S: Explanation(
        "An initialization on demand is broken off after 10 seconds and begun again by the first request, within its "
        "time-out. Provisioned instances may take longer, but requests that spill over do not get them.",
        "init_ms <= 10,000",
        (limits.LAMBDA_INIT.source,),
    ),
    SNAPSTART_CONFLICT: Explanation(
        "SnapStart excludes provisioned concurrency, container images, EFS and more than 512 MB of ephemeral storage, "
        "and exists for Java from 11, Python from 3.12 and .NET from 8 only.",
        "snapstart and the other are not both there",
        (_SNAPSTART,),
    ),
    TIMEOUT_LT_P99: Explanation(
        "More than 1% of the requests take longer than the function's time-out: they are ended with an error.",
        "timeout_seconds x 1000 >= p99_duration_ms",
        (limits.LAMBDA_TIMEOUT_DEFAULT.source,),
    ),
}
