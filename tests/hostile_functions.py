"""Documents with a function that is none, each for a cause of its own, and what the message about each must contain."""

from tests.hostile import CLIENTS, HEAD, WORKLOADS, Hostile

__all__ = ["FUNCTIONS"]

DAY = "peak_requests_per_second: 26, mean_duration_ms: 50, p99_duration_ms: 100"
TARGET = "init_ms: 800, target_p99_ms: 200"
DATABASE = "name: orders, connections_per_instance: 1, transactions_per_request: 1, mean_transaction_ms: 10"


def function(settings: str = TARGET, window: str = DAY) -> str:
    """A document with one function."""
    return f"{HEAD}functions:\n  storefront: {{{settings}, windows: {{day: {{{window}}}}}}}\n"


def beside(use: str) -> str:
    """A document with a function that uses a database."""
    databases = f"databases:\n  orders:\n    max_connections: 200\n    clients:\n      - {CLIENTS}\n"
    using = function(f"{TARGET}, in_vpc: true, reserved_concurrency: 10, database: {{{use}}}")
    return using.replace("functions:", f"{WORKLOADS}{databases}functions:")


def without(field: str, parts: str) -> str:
    """The same with one field less."""
    return ", ".join(part for part in parts.split(", ") if not part.startswith(f"{field}:"))


def instead(field: str, value: str, parts: str) -> str:
    """The same with one field changed."""
    return f"{without('target_p99_ms' if field == 'max_cold_share' else field, parts)}, {field}: {value}"


SETTINGS = (
    ("init_ms", "-1", "init_ms: expected at least 0, found -1"),
    ("init_ms", "900001", "init_ms: expected at most 900,000, found 900001"),
    ("init_ms", "soon", 'init_ms: expected a number, found the text "soon"'),
    ("init_ms", "true", "init_ms: expected a number, found true"),
    ("init_ms", ".nan", "init_ms: expected a finite number, found nan"),
    ("init_ms", "[800]", "init_ms: expected a number, found a list"),
    ("target_p99_ms", "0", "target_p99_ms: expected more than 0, found 0"),
    ("target_p99_ms", "-200", "target_p99_ms: expected more than 0, found -200"),
    ("target_p99_ms", "200ms", 'target_p99_ms: expected a number, found the text "200ms"'),
    ("target_p99_ms", "1800001", "target_p99_ms: expected at most 1,800,000, found 1800001"),
    ("max_cold_share", "0", "max_cold_share: expected more than 0, found 0"),
    ("max_cold_share", "1.5", "max_cold_share: expected at most 1, found 1.5"),
    ("max_cold_share", "1%", 'max_cold_share: expected a number, found the text "1%"'),
    ("provisioned_concurrency", "-1", "provisioned_concurrency: expected at least 0, found -1"),
    ("provisioned_concurrency", "2.5", "provisioned_concurrency: expected a whole number, found 2.5"),
    ("provisioned_concurrency", "1000001", "provisioned_concurrency: expected at most 1,000,000, found 1000001"),
    ("provisioned_concurrency", "many", 'provisioned_concurrency: expected a whole number, found the text "many"'),
    ("reserved_concurrency", "0", "reserved_concurrency: expected at least 1, found 0"),
    ("reserved_concurrency", "1.5", "reserved_concurrency: expected a whole number, found 1.5"),
    ("reserved_concurrency", "'10'", 'reserved_concurrency: expected a whole number, found the text "10"'),
    ("quota_concurrency", "0", "quota_concurrency: expected at least 1, found 0"),
    ("quota_concurrency", "none", 'quota_concurrency: expected a whole number, found the text "none"'),
    ("concurrency_in_use", "-1", "concurrency_in_use: expected at least 0, found -1"),
    ("concurrency_in_use", "0.5", "concurrency_in_use: expected a whole number, found 0.5"),
    ("memory_mb", "127", "memory_mb: expected at least 128, found 127"),
    ("memory_mb", "10241", "memory_mb: expected at most 10,240, found 10241"),
    ("memory_mb", "512.5", "memory_mb: expected a whole number, found 512.5"),
    ("memory_mb", "1GB", 'memory_mb: expected a whole number, found the text "1GB"'),
    ("architecture", "arm", 'architecture: expected one of x86_64, arm64, found the text "arm". Did you mean "arm64"?'),
    ("architecture", "x86", 'found the text "x86". Did you mean "x86_64"?'),
    ("architecture", "7", "architecture: expected one of x86_64, arm64, found 7"),
    ("timeout_seconds", "0", "timeout_seconds: expected at least 1, found 0"),
    ("timeout_seconds", "901", "timeout_seconds: expected at most 900, found 901"),
    ("timeout_seconds", "30s", 'timeout_seconds: expected a whole number, found the text "30s"'),
    ("runtime", "Python 3.13", 'found the text "Python 3.13"'),
    ("runtime", "3.13", "runtime: expected a text, found 3.13"),
    ("runtime", "[python3.13]", "runtime: expected a text, found a list"),
    ("package_type", "docker", 'package_type: expected one of zip, image, found the text "docker"'),
    ("package_type", "true", "package_type: expected one of zip, image, found true"),
    ("zipped_mb", "-1", "zipped_mb: expected at least 0, found -1"),
    ("zipped_mb", ".inf", "zipped_mb: expected a finite number, found inf"),
    ("zipped_mb", "50MB", 'zipped_mb: expected a number, found the text "50MB"'),
    ("unzipped_mb", "-0.1", "unzipped_mb: expected at least 0, found -0.1"),
    ("unzipped_mb", "1000001", "unzipped_mb: expected at most 1,000,000, found 1000001"),
    ("code_in_s3", "yes", 'code_in_s3: expected true or false, found the text "yes"'),
    ("code_in_s3", "1", "code_in_s3: expected true or false, found 1"),
    ("snapstart", "0", "snapstart: expected true or false, found 0"),
    ("snapstart", "on demand", 'snapstart: expected true or false, found the text "on demand"'),
    ("ephemeral_storage_mb", "511", "ephemeral_storage_mb: expected at least 512, found 511"),
    ("ephemeral_storage_mb", "10241", "ephemeral_storage_mb: expected at most 10,240, found 10241"),
    ("uses_efs", "efs", 'uses_efs: expected true or false, found the text "efs"'),
    ("in_vpc", "vpc-1", 'in_vpc: expected true or false, found the text "vpc-1"'),
    ("database", "orders", 'database: expected a mapping, found the text "orders"'),
    ("database", "[]", "database: expected a mapping, found a list"),
    ("prices", "free", 'prices: expected a mapping, found the text "free"'),
    ("prices", "{request: 1}", 'found the unknown key "request". Did you mean "million_requests"?'),
    ("policy", "strict", 'policy: expected a mapping, found the text "strict"'),
    ("policy", "{headroom: 1}", 'found the unknown key "headroom"'),
    ("egress", "api.stripe.com:443", 'egress: expected a list, found the text "api.stripe.com:443"'),
    ("egress", "{to: a}", "egress: expected a list, found a mapping"),
    ("init", "800", "init: expected a mapping, found 800"),
    ("init", "{download: 1}", 'found the unknown key "download". Did you mean "download_ms"?'),
    ("provisioned", "5", 'found the unknown key "provisioned". Did you mean "provisioned_concurrency"?'),
    ("pods", "3", 'found the unknown key "pods"'),
    ("windows_", "{}", 'windows_: expected "windows", found the unknown key "windows_". Did you mean "windows"?'),
)
"""Fields of a function, wrong values of them, and a part of what is said of each."""

WINDOWS = (
    ("peak_requests_per_second", "-26", "peak_requests_per_second: expected at least 0, found -26"),
    ("peak_requests_per_second", "often", 'peak_requests_per_second: expected a number, found the text "often"'),
    ("peak_requests_per_second", ".nan", "peak_requests_per_second: expected a finite number, found nan"),
    ("mean_duration_ms", "0", "mean_duration_ms: expected more than 0, found 0"),
    ("mean_duration_ms", "-50", "mean_duration_ms: expected more than 0, found -50"),
    ("mean_duration_ms", "50ms", 'mean_duration_ms: expected a number, found the text "50ms"'),
    ("p99_duration_ms", "0", "p99_duration_ms: expected more than 0, found 0"),
    ("p99_duration_ms", "49", "found 49. No latency target can be kept on a function whose p99 is below its mea"),
    ("p99_duration_ms", "true", "p99_duration_ms: expected a number, found true"),
    ("burst_size", "0", "burst_size: expected at least 1, found 0"),
    ("burst_size", "1.5", "burst_size: expected a whole number, found 1.5"),
    ("burst_size", "all", 'burst_size: expected a whole number, found the text "all"'),
    ("schedule", "7", "schedule: expected a text, found 7"),
    ("schedule", "[]", "schedule: expected a text, found a list"),
    ("schedule", "sometimes", 'found the text "sometimes"'),
    ("timezone", "Mars/Olympus", 'timezone: expected no timezone without a schedule, found the text "Mars/Olympus"'),
    ("timezone", "5", "timezone: expected a text, found 5"),
    ("seconds_between_bursts", "0", "seconds_between_bursts: expected more than 0, found 0"),
    ("seconds_between_bursts", "never", 'seconds_between_bursts: expected a number, found the text "never"'),
    ("duration", "50", 'found the unknown key "duration". Did you mean "p99_duration_ms"?'),
)
"""The same of a window."""

USES = (
    ("name", "nowhere", 'found the text "nowhere". Declare it under databases.'),
    ("name", "7", "name: expected a text, found 7"),
    ("name", "Orders", 'found the text "Orders". Did you mean "orders"?'),
    ("connections_per_instance", "0", "connections_per_instance: expected at least 1, found 0"),
    ("connections_per_instance", "1.5", "connections_per_instance: expected a whole number, found 1.5"),
    ("connections_per_instance", "pool", 'connections_per_instance: expected a whole number, found the text "pool"'),
    ("transactions_per_request", "-1", "transactions_per_request: expected more than 0, found -1"),
    ("transactions_per_request", "few", 'transactions_per_request: expected a number, found the text "few"'),
    ("mean_transaction_ms", "0", "mean_transaction_ms: expected at least 0.001, found 0"),
    ("mean_transaction_ms", "fast", 'mean_transaction_ms: expected a number, found the text "fast"'),
    ("pool_size", "5", 'pool_size: expected "pooled", found the unknown key "pool_size". Did you mean "pooled"?'),
)
"""The same of the use of a database."""

FUNCTIONS = (
    *(
        Hostile(f"function: {field} {value}", function(instead(field, value, TARGET)), said)
        for field, value, said in SETTINGS
    ),
    *(
        Hostile(f"window: {field} {value}", function(window=instead(field, value, DAY)), said)
        for field, value, said in WINDOWS
    ),
    *(
        Hostile(f"use of a database: {field} {value}", beside(instead(field, value, DATABASE)), said)
        for field, value, said in USES
    ),
    *(
        Hostile(f"window without {field}", function(window=without(field, DAY)), f'the field "{field}"')
        for field in ("peak_requests_per_second", "mean_duration_ms", "p99_duration_ms")
    ),
    *(
        Hostile(f"use of a database without {field}", beside(without(field, DATABASE)), f'the field "{field}"')
        for field in ("name", "connections_per_instance", "mean_transaction_ms")
    ),
    Hostile(
        "two targets", function(f"{TARGET}, max_cold_share: 0.01"), "expected either target_p99_ms or max_cold_share"
    ),
    Hostile("function by list", f"{HEAD}functions: [storefront]\n", "functions: expected a mapping, found a list"),
    Hostile("function by nothing", f"{HEAD}functions:\n  storefront:\n", "functions.storefront: expected"),
    Hostile("no window", f"{HEAD}functions:\n  storefront: {{{TARGET}, windows: {{}}}}\n", "windows: expected"),
    Hostile("function in capitals", function().replace("storefront", "StoreFront"), "functions.StoreFront: expected"),
)
