"""A function with as many warm instances as its p99 target asks for, by day and by night."""

import pulumi

import loadfit

storefront = loadfit.WarmLambda(
    "storefront",
    {
        "load": loadfit.FunctionLoad(
            name="storefront",
            region="us-east-1",
            windows={
                "day": loadfit.Window(
                    schedule="mon-fri 08:00-18:00",
                    timezone="America/New_York",
                    peak_requests_per_second=26,
                    mean_duration_ms=50,
                    p99_duration_ms=100,
                ),
                "rest": loadfit.Window(peak_requests_per_second=2, mean_duration_ms=50, p99_duration_ms=100),
            },
            init_ms=800,
            target_p99_ms=200,
            reserved_concurrency=12,
            runtime="python3.13",
        ),
        "code": "storefront",
        "handler": "app.handler",
        "environment": {"GREETING": "welcome"},
        "function_url": {},
    },
)
pulumi.export("url", storefront.function_url)
pulumi.export("alias", storefront.alias_arn)
