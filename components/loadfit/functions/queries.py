"""CloudWatch Logs Insights queries on a function's log: what cold starts take, and how many requests meet one.

A function reports how long an initialization took in its log alone, on the REPORT line of the instance's first request,
which Logs Insights reads by itself:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html.
Provisioned instances may report theirs too, although no request waited for it: with them, only spilled requests are
cold, and CloudWatch counts those.
"""

from collections.abc import Mapping

__all__ = ["queries"]

_INIT = 'filter @type = "REPORT"\n| fields @initDuration as cold_ms'
_RESTORE = 'filter @type = "REPORT"\n| parse @message "Restore Duration: * ms" as cold_ms'
"""Instances from a snapshot report a restore, in the place of an initialization.

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-monitoring.html
"""


def queries(*, snapstart: bool) -> Mapping[str, str]:
    """The queries by name.

    Args:
        snapstart: Whether instances start from a snapshot.
    """
    read = _RESTORE if snapstart else _INIT
    return {
        "init-duration": (
            f"{read}\n| filter ispresent(cold_ms)\n"
            "| stats count(*) as inits, avg(cold_ms) as mean_ms, pct(cold_ms, 50) as p50_ms, pct(cold_ms, 99) as "
            "p99_ms, max(cold_ms) as most_ms by bin(1h)"
        ),
        "cold-share": (
            f"{read}\n| stats count(*) as requests, sum(ispresent(cold_ms)) as inits, "
            "100 * sum(ispresent(cold_ms)) / count(*) as percent by bin(1h)"
        ),
        "slowest-inits": (
            f"{read}\n| filter ispresent(cold_ms)\n"
            "| display @timestamp, @requestId, cold_ms, @duration, @maxMemoryUsed, @logStream\n"
            "| sort cold_ms desc\n| limit 25"
        ),
    }
