"""The codes of the advice: what each means, what it follows from, its sources."""

from collections.abc import Mapping

from loadfit.core.explanations import Explanation

__all__ = [
    "CLIENT_IN_HANDLER",
    "CONNECTION_NOT_CHECKED",
    "EXPLANATIONS",
    "HANDLER_NOT_FOUND",
    "HEAVY_IMPORT",
    "POOL_ABOVE_ONE",
    "SOURCE_NOT_ANALYZED",
    "WHOLE_PACKAGE_IMPORTED",
    "WIDE_INDEX_IMPORTED",
    "WORK_AT_START",
]

CLIENT_IN_HANDLER = "CLIENT_IN_HANDLER"
CONNECTION_NOT_CHECKED = "CONNECTION_NOT_CHECKED"
HANDLER_NOT_FOUND = "HANDLER_NOT_FOUND"
HEAVY_IMPORT = "HEAVY_IMPORT"
POOL_ABOVE_ONE = "POOL_ABOVE_ONE"
SOURCE_NOT_ANALYZED = "SOURCE_NOT_ANALYZED"
WHOLE_PACKAGE_IMPORTED = "WHOLE_PACKAGE_IMPORTED"
WIDE_INDEX_IMPORTED = "WIDE_INDEX_IMPORTED"
WORK_AT_START = "WORK_AT_START"

BEST_PRACTICES = "https://docs.aws.amazon.com/lambda/latest/dg/best-practices.html"
ENVIRONMENT = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"
STATIC_INITIALIZATION = "https://docs.aws.amazon.com/lambda/latest/operatorguide/static-initialization.html"
TLS = "https://www.rfc-editor.org/rfc/rfc8446 (TLS 1.3: a full handshake takes one round trip)"
POSTGRES_PROTOCOL = "https://www.postgresql.org/docs/current/protocol-flow.html"
WHOLE_SDK = "https://theburningmonk.com/2019/03/just-how-expensive-is-the-full-aws-sdk/"
PRE_PING = "https://docs.sqlalchemy.org/en/20/core/pooling.html"

EXPLANATIONS: Mapping[str, Explanation] = {
    CLIENT_IN_HANDLER: Explanation(
        "A client, connection, pool or session is made while a request is handled, and not kept for the next one. "
        "Every request pays for making it, and one that is not closed stays open until the instance is frozen or "
        "ends: connections leak. What is made by a function that the handler calls counts as well. Not reported is "
        "what is kept in a module's name and made at first use, what functools.cache keeps, a connection lent from a "
        "pool, and what is made with credentials or addresses of the request itself.",
        "connections opened per second = requests per second x connections made in the handler; round trips before "
        "the first byte: TCP 1 + TLS 1.3 1 = 2; of PostgreSQL with TLS and SCRAM: TCP 1 + SSLRequest 1 + TLS 1.3 1 + "
        "start-up 1 + SCRAM 2 = 6",
        (BEST_PRACTICES, TLS, POSTGRES_PROTOCOL),
    ),
    CONNECTION_NOT_CHECKED: Explanation(
        "A connection is kept from one request to the next, which is right, but nothing tests it before it is used. "
        "An instance may be idle for hours, provisioned ones before their first request already; the server, a "
        "firewall or a NAT gateway (after 350 seconds) closes the connection meanwhile, and the next request fails. "
        "Reported only where nothing in the file looks after broken connections.",
        "idle time of an instance > idle time-out of anything on the way to the server",
        (PRE_PING, BEST_PRACTICES, "https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html"),
    ),
    HANDLER_NOT_FOUND: Explanation(
        "The handler that was named is not in the sources: Lambda would end each request with an import error. "
        "Advice about what a request runs goes by the usual names of handlers instead.",
        "handler = path of the file without its ending, a point, the name in it",
        ("https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html",),
    ),
    HEAVY_IMPORT: Explanation(
        "A package that is slow to load is loaded at every cold start, but only some requests, or none, use it.",
        "saved per cold start without it = time to load the package",
        (STATIC_INITIALIZATION,),
    ),
    POOL_ABOVE_ONE: Explanation(
        "An instance of a function handles one request at a time, so a pool of more than one connection is of use "
        "only to a request that runs several queries at once. Every other connection is taken from the database for "
        "nothing, as often as there are instances.",
        "connections = instances x pool size",
        (ENVIRONMENT, BEST_PRACTICES),
    ),
    SOURCE_NOT_ANALYZED: Explanation(
        "The file could not be read as source: it has a syntax error, was written for a newer language than this "
        "analysis knows, is binary, or is longer or more deeply nested than source that people write. What is in it "
        "is not part of the advice.",
        "characters of a file <= 1,000,000; of all files <= 16,000,000",
        ("assumption: files above it are generated",),
    ),
    WHOLE_PACKAGE_IMPORTED: Explanation(
        "All of a large package is loaded where its parts can be loaded one by one. Requiring the whole AWS SDK for "
        "JavaScript added 147 ms to the cold start in one published trace of 2019.",
        "saved per cold start = time to load the parts that are not used",
        (WHOLE_SDK, STATIC_INITIALIZATION),
    ),
    WIDE_INDEX_IMPORTED: Explanation(
        "One name is taken from an own module that gathers many others, so all of those are loaded for it. A bundler "
        "that drops unused exports removes the cost in JavaScript; Python has none.",
        "modules loaded for nothing = modules that the index loads - modules whose names are used",
        (STATIC_INITIALIZATION,),
    ),
    WORK_AT_START: Explanation(
        "Loading the module asks the network, waits, or reads a table, so every cold start is as slow as the answer, "
        "and fails with it: on demand, what takes longer than 10 seconds is begun again. Making a client or a pool "
        "is not reported: that is its place. With provisioned concurrency it runs hours before it is used.",
        "cold start >= duration of the call",
        (ENVIRONMENT, STATIC_INITIALIZATION),
    ),
}
