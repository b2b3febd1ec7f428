"""PgBouncer before a PostgreSQL database that exists already, sized from the stack's declared load."""

import pulumi

import loadfit

load = loadfit.from_config()
pool = loadfit.PgBouncerPool(
    "orders",
    {
        "load": load.databases["orders"],
        "endpoint": "orders.0a1b2c.us-east-1.rds.amazonaws.com:5432",
        "credentials": "orders-credentials",
        "server_ca_config_map": "rds-ca",
        "client_tls_secret": "pgbouncer-tls",
    },
)
pulumi.export("url", pool.url)
