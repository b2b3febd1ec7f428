"""What the policy pack checks: pure functions over a stack's resources, which know nothing of pulumi-policy."""

from checks.functions import check_database_functions, check_warm_versions
from checks.loads import check_account, check_declared_loads, check_servers
from checks.nat import check_nat_gateways
from checks.resources import Report, Stack, StackResource, Told

__all__ = [
    "Report",
    "Stack",
    "StackResource",
    "Told",
    "check_account",
    "check_database_functions",
    "check_declared_loads",
    "check_nat_gateways",
    "check_servers",
    "check_warm_versions",
]
