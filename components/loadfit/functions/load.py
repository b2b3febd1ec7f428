"""What a function's warm instances are sized from: its requests window by window, its latency target, its limits."""

from collections.abc import Mapping
from enum import Enum
from fractions import Fraction

from pydantic import Field, model_validator

from loadfit.core import limits
from loadfit.core.exact import exact
from loadfit.core.model import MAX_COUNT, MAX_RATE, MAX_SECONDS, NAME, REGION_PATTERN, Declared, problem_error
from loadfit.core.paths import Path, parse_path
from loadfit.core.policy import Default
from loadfit.core.prices import FunctionPrices, function_prices
from loadfit.core.problems import printable, shown
from loadfit.functions.window import MAX_INSTANCES, MAX_MS, Window

__all__ = [
    "POLICY_DEFAULTS",
    "Architecture",
    "DatabaseUse",
    "DeclaredFunctionPrices",
    "FunctionLoad",
    "FunctionPolicy",
    "FunctionSettings",
    "InitPhases",
    "PackageType",
    "Window",
]


class Architecture(str, Enum):
    """The processor that the function runs on."""

    X86_64 = "x86_64"
    ARM64 = "arm64"


class PackageType(str, Enum):
    """How the code is packaged."""

    ZIP = "zip"
    IMAGE = "image"
    """A container image."""


class InitPhases(Declared):
    """How long a cold start takes, phase by phase."""

    download_ms: float = Field(ge=0, le=MAX_MS)
    """Fetching and unpacking the code."""
    runtime_ms: float = Field(ge=0, le=MAX_MS)
    """Starting the runtime and the extensions."""
    code_ms: float = Field(ge=0, le=MAX_MS)
    """The function's own code outside of its handler."""


class DatabaseUse(Declared):
    """How the function uses a database."""

    name: str = Field(max_length=63)
    """The database, by its name under databases."""
    connections_per_instance: int = Field(ge=1, le=MAX_COUNT)
    """Connections that one instance opens. An instance works on one request at a time."""
    transactions_per_request: float = Field(gt=0, le=1e6)
    """Transactions of one request, on average."""
    mean_transaction_ms: float = Field(ge=0.001, le=MAX_MS)
    """Mean time of a transaction, first statement to commit, in milliseconds."""
    budget: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Connections that this function may open; not checked where not declared. The section of the database checks the
    connections of all its clients together."""
    user: str | None = Field(default=None, max_length=63)
    """The PostgreSQL role that the function logs in as; the database's own name where not declared."""
    pooled: bool | None = Field(default=None)
    """Whether the function goes through PgBouncer; as the database says where not declared."""
    transaction_cv2: float | None = Field(default=None, ge=0, le=1000)
    """Squared coefficient of variation of the transaction time: variance over squared mean; 1, exponential, where not
    declared."""
    longest_transaction_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """The longest transaction that a restart of the pool must let finish; 30 where not declared."""
    recycle_seconds: float | None = Field(default=None, gt=0, le=MAX_SECONDS)
    """The longest life of an instance's connection; not bounded where not declared."""


POLICY_DEFAULTS: Mapping[str, Default] = {
    "idle_life_seconds": Default(
        Fraction(600),
        "seconds",
        "an instance that is not provisioned is kept for this long after its last request",
        "assumption: AWS does not say; SimFaaS measures about ten minutes",
    ),
    "deploy_pools": Default(
        Fraction(2),
        "pools",
        "in a deployment the provisioned instances of the old and the new version are there together",
        "assumption: both were seen in https://github.com/hashicorp/terraform-provider-aws/pull/48116",
    ),
    "throttled_share": Default(
        Fraction(1, 1000),
        "of the requests",
        "reserved concurrency refuses at most this share of the requests",
        "assumption",
    ),
    "lead_minutes": Default(
        Fraction(10),
        "minutes",
        "a window's instances are asked for this long before it begins",
        "assumption: three minutes of alarm, two of preparation and the initialization, doubled",
    ),
    "init_ms_per_mb": Default(
        Fraction(20),
        "ms per MB unzipped",
        "each megabyte less in the package makes a cold start this much shorter",
        "assumption: the case study's 3,500 ms at 150 MB and 800 ms at 15 MB; 40 to 57 were published for one function",
    ),
    "small_bundle_mb": Default(
        Fraction(15), "MB unzipped", "a package can be brought to this size", "assumption: the case study's"
    ),
    "snapstart_restore_ms": Default(
        Fraction(1000),
        "ms",
        "a SnapStart restore takes this long",
        'assumption: AWS says "sub-second" and gives no figure',
    ),
}
"""The policy where none is declared. Every number of it that a plan used is listed with the plan."""


class FunctionPolicy(Declared):
    """How much margin a function is sized with. Each field has a default in :data:`POLICY_DEFAULTS`."""

    idle_life_seconds: float | None = Field(default=None, ge=0, le=MAX_SECONDS)
    """How long an idle instance that is not provisioned is kept, in seconds; 600 where not declared. Changes the
    expected cold share only, never the bound and never a size."""
    deploy_pools: int | None = Field(default=None, ge=1, le=2)
    """Provisioned pools that exist together in a deployment; 2 where not declared."""
    throttled_share: float | None = Field(default=None, gt=0, lt=1)
    """The share of the requests that reserved concurrency may refuse; 0.001 where not declared."""
    lead_minutes: int | None = Field(default=None, ge=0, le=1440)
    """How long before a window its instances are asked for, in minutes; 10 where not declared."""
    init_ms_per_mb: float | None = Field(default=None, ge=0, le=1e6)
    """What a megabyte of the package costs at a cold start, in milliseconds; 20 where not declared."""
    small_bundle_mb: float | None = Field(default=None, gt=0, le=10_240)
    """The size that a package can be brought to, in MB unzipped; 15 where not declared."""
    snapstart_restore_ms: float | None = Field(default=None, gt=0, le=MAX_MS)
    """How long a SnapStart restore takes, in milliseconds; 1,000 where not declared."""


class DeclaredFunctionPrices(Declared):
    """Prices in US dollars, for Regions where none is known or where others were agreed on."""

    provisioned_gb_second: float = Field(ge=0, le=1_000_000)
    """A provisioned instance, used or idle."""
    provisioned_duration_gb_second: float = Field(ge=0, le=1_000_000)
    """A request's duration on a provisioned instance."""
    duration_gb_second: float = Field(ge=0, le=1_000_000)
    """A request's duration on any other instance."""
    million_requests: float = Field(ge=0, le=1_000_000)
    """A million requests."""


class FunctionSettings(Declared):
    """One function: its requests, its target, and what is fixed of it."""

    windows: dict[str, Window] = Field()
    """The load, window by window, by name."""
    init_ms: float | None = Field(default=None, ge=0, le=MAX_MS)
    """How much longer a cold start takes than a warm request, as a whole, in milliseconds; with snapstart, the restore.
    10,000, the longest that Lambda lets it be, where not declared."""
    init: InitPhases | None = Field(default=None)
    """The same phase by phase, in the place of init_ms."""
    target_p99_ms: float | None = Field(default=None, gt=0, le=2 * MAX_MS)
    """The duration that at most 1% of the requests of every window may exceed, cold starts included."""
    max_cold_share: float | None = Field(default=None, gt=0, le=1)
    """The share of the requests that may start cold, in the place of target_p99_ms; 0.01 where neither is declared."""
    provisioned_concurrency: int | None = Field(default=None, ge=0, le=MAX_INSTANCES)
    """Warm instances in every window; computed where not declared, checked where it is."""
    reserved_concurrency: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The most instances that the function may have, warm or not; unlimited where not declared."""
    quota_concurrency: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """The account's quota L-B99A9384, concurrent executions in the Region; 1,000, AWS's default, where not declared."""
    concurrency_in_use: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    """Concurrency that functions outside of the document claim (ClaimedAccountConcurrency); none where not declared."""
    memory_mb: int | None = Field(default=None, ge=limits.LAMBDA_MEMORY_LEAST.value, le=limits.LAMBDA_MEMORY_MOST.value)
    """Memory of an instance; 128, Lambda's default, where not declared."""
    architecture: Architecture | None = Field(default=None)
    """The processor; x86_64, Lambda's default, where not declared."""
    timeout_seconds: int | None = Field(default=None, ge=1, le=limits.LAMBDA_TIMEOUT_MOST.value)
    """After it a request is ended; 3, Lambda's default, where not declared."""
    runtime: str | None = Field(default=None, max_length=40, pattern=r"^[a-z]+[a-z0-9.]*$")
    """The runtime's identifier, such as python3.13."""
    package_type: PackageType | None = Field(default=None)
    """A zip file, where not declared, or a container image."""
    zipped_mb: float | None = Field(default=None, ge=0, le=1e6)
    """Size of the zip file; not checked where not declared."""
    unzipped_mb: float | None = Field(default=None, ge=0, le=1e6)
    """Size of the unpacked code with its layers, or of the image; not checked where not declared."""
    code_in_s3: bool | None = Field(default=None)
    """Whether the zip file is uploaded through S3; false, straight to Lambda, where not declared."""
    snapstart: bool | None = Field(default=None)
    """Whether instances start from a snapshot; false where not declared."""
    ephemeral_storage_mb: int | None = Field(
        default=None, ge=limits.LAMBDA_STORAGE_LEAST.value, le=limits.LAMBDA_STORAGE_MOST.value
    )
    """Size of /tmp; 512, Lambda's default, where not declared."""
    uses_efs: bool | None = Field(default=None)
    """Whether a file system of EFS is mounted; false where not declared."""
    in_vpc: bool | None = Field(default=None)
    """Whether the function runs in the VPC's private subnets; false where not declared. Changes no size of its own."""
    database: DatabaseUse | None = Field(default=None)
    """The database that the function's requests use."""
    prices: DeclaredFunctionPrices | None = Field(default=None)
    """Prices to count with; the Region's verified ones where not declared."""
    policy: FunctionPolicy | None = Field(default=None)
    """How much margin to size with."""

    @model_validator(mode="after")
    def _consistent(self) -> "FunctionSettings":
        if not self.windows:
            raise problem_error("at least one window", "none", at=("windows",))
        for name in self.windows:
            if not NAME.fullmatch(name):
                raise problem_error(
                    "names of lower-case letters, digits and dashes, at most 63 of them", shown(name), at=("windows",)
                )
        for first, second in (("target_p99_ms", "max_cold_share"), ("init_ms", "init")):
            if getattr(self, first) is not None and getattr(self, second) is not None:
                raise problem_error(f"either {first} or {second}", "both", f"Leave {second} out.", at=(second,))
        zones = {window.timezone or "UTC" for window in self.windows.values() if window.schedule is not None}
        if len(zones) > 1:
            raise problem_error(
                "one timezone for all windows of the function",
                printable(", ".join(sorted(zones)), 200),
                "Scheduled scaling compares the windows with one another: write all of them in one timezone.",
                at=("windows",),
            )
        return self

    def policy_value(self, name: str) -> Fraction:
        """A number of the policy, declared or default, exactly."""
        declared = getattr(self.policy, name) if self.policy else None
        return POLICY_DEFAULTS[name].value if declared is None else exact(declared)

    @property
    def cold_start_ms(self) -> Fraction:
        """What a cold start adds to a request, in milliseconds, exactly."""
        if self.init is not None:
            return sum((exact(getattr(self.init, phase)) for phase in InitPhases.model_fields), Fraction(0))
        return exact(limits.LAMBDA_INIT.value if self.init_ms is None else self.init_ms)

    @property
    def memory(self) -> int:
        """Memory of an instance in MB."""
        return self.memory_mb or limits.LAMBDA_MEMORY_DEFAULT.value

    @property
    def timeout(self) -> int:
        """Seconds after which a request is ended."""
        return self.timeout_seconds or limits.LAMBDA_TIMEOUT_DEFAULT.value

    @property
    def concurrency_quota(self) -> int:
        """The account's quota in force."""
        return self.quota_concurrency or limits.LAMBDA_CONCURRENCY_QUOTA.value

    @property
    def timezone(self) -> str:
        """The time zone of all schedules."""
        return next((window.timezone for window in self.windows.values() if window.timezone), "UTC")

    @property
    def requests_per_second(self) -> Fraction:
        """Requests per second at the busiest window's peak, exactly."""
        return max(window.requests_per_second for window in self.windows.values())

    @property
    def transactions_per_second(self) -> Fraction:
        """Transactions on the database at the busiest window's peak; 0 without a database."""
        if self.database is None:
            return Fraction(0)
        return self.requests_per_second * exact(self.database.transactions_per_request)


class FunctionLoad(FunctionSettings):
    """All that one function is sized from, by itself.

    Example:
        >>> load = FunctionLoad(name="storefront", region="us-east-1", init_ms=800, target_p99_ms=200, windows={
        ...     "day": Window(peak_requests_per_second=26, mean_duration_ms=50, p99_duration_ms=100)})
        >>> float(load.windows["day"].offered_erlangs)
        1.3
    """

    name: str = Field(max_length=63)
    """The function's name."""
    region: str = Field(pattern=REGION_PATTERN)
    """The AWS Region's code."""
    concurrency_of_others: dict[str, int] | None = Field(default=None)
    """Concurrency that the other functions of the same document claim, by their names; none where not declared."""
    unreserved_of_others: int | None = Field(default=None, ge=0, le=MAX_COUNT)
    """Instances that the other functions of the same document need of what stays unreserved; none where not
    declared."""
    requests_per_second_of_others: float | None = Field(default=None, ge=0, le=MAX_RATE)
    """Requests per second of the other functions of the same document at their peaks; none where not declared."""
    checks_account: bool | None = Field(default=None)
    """Whether what is short in the account is a finding of this function; true where not declared. Of the functions of
    one document, one says it for all."""
    origin: str | None = Field(default=None, max_length=500, exclude=True)
    """The path of the section that the load was resolved from; nothing where it was declared by itself."""

    def where(self, path: Path) -> Path:
        """The path in the document that declared what stands at a path of this load."""
        if self.origin is None or path[:1] == ("region",):
            return path
        return (*parse_path(self.origin), *path)

    @property
    def claimed_by_others(self) -> int:
        """Concurrency that other functions claim, of the document and outside of it."""
        return (self.concurrency_in_use or 0) + sum((self.concurrency_of_others or {}).values())

    def known_prices(self) -> FunctionPrices | None:
        """Declared prices, the Region's verified ones, or ``None``."""
        if self.prices is None:
            return function_prices(self.region, (self.architecture or Architecture.X86_64).value)
        fields = {name: exact(getattr(self.prices, name)) for name in DeclaredFunctionPrices.model_fields}
        return FunctionPrices(**fields, as_of="declared", source="declared")
