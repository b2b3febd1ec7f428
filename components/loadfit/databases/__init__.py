"""Databases: PgBouncer and the pools around it, sized by the connections and transactions of the declared clients."""

from loadfit.databases.load import Access, ClientGroup, DatabaseLoad, DatabasePolicy, DatabaseSettings
from loadfit.databases.plan import AppPoolPlan, ClientState, DatabasePlan, PodLimit, PoolPlan, PoolState
from loadfit.databases.sizing import size_database

__all__ = [
    "Access",
    "AppPoolPlan",
    "ClientGroup",
    "ClientState",
    "DatabaseLoad",
    "DatabasePlan",
    "DatabasePolicy",
    "DatabaseSettings",
    "PodLimit",
    "PoolPlan",
    "PoolState",
    "size_database",
]
