"""What the rules know of JavaScript packages."""

import re

from loadfit.bundle.advice.library import Heavy, Kind, Library, Maker, Pool

__all__ = ["JAVASCRIPT"]

_PG_POOL = Pool(("max",), ("min",), one="max: 1", source="https://node-postgres.com/apis/pool")
_POSTGRES_POOL = Pool(("max",), one="max: 1", source="https://github.com/porsager/postgres")
_MYSQL_POOL = Pool(
    ("connectionLimit",), one="connectionLimit: 1", source="https://github.com/mysqljs/mysql#pool-options"
)
_KNEX_POOL = Pool(("pool.max",), ("pool.min",), one="pool: { min: 0, max: 1 }", source="https://knexjs.org/guide/")
_SEQUELIZE_POOL = Pool(
    ("pool.max",),
    ("pool.min",),
    one="pool: { max: 1, min: 0 }",
    source="https://sequelize.org/docs/v6/other-topics/aws-lambda/",
)
_MONGO_POOL = Pool(
    ("maxPoolSize",),
    ("minPoolSize",),
    one="maxPoolSize: 1",
    source="https://www.mongodb.com/docs/drivers/node/current/",
)
_TYPEORM_POOL = Pool(
    ("extra.max", "poolSize", "extra.connectionLimit"),
    one="poolSize: 1",
    source="https://typeorm.io/docs/data-source/data-source-options/",
)
_MSSQL_POOL = Pool(
    ("pool.max",), ("pool.min",), one="pool: { max: 1 }", source="https://github.com/tediousjs/node-mssql"
)
_ORACLE_POOL = Pool(
    ("poolMax",),
    ("poolMin",),
    one="poolMin: 1, poolMax: 1",
    source="https://node-oracledb.readthedocs.io/en/latest/user_guide/connection_handling.html",
)

_REDIS = Maker("a Redis client", Kind.OTHER)
_PG = Maker("a PostgreSQL client", Kind.POSTGRES, breaks=True, new=True)
_PG_MADE = Maker("a PostgreSQL pool", Kind.POSTGRES, pool=_PG_POOL, new=True)
_MYSQL = Maker("a MySQL connection", Kind.DATABASE, breaks=True)
_MYSQL_MADE = Maker("a MySQL pool", Kind.DATABASE, pool=_MYSQL_POOL)
_MONGO = Maker("a MongoDB client", Kind.DATABASE, pool=_MONGO_POOL)
_SEQUELIZE = Maker("a Sequelize instance", Kind.DATABASE, pool=_SEQUELIZE_POOL, new=True)
_KNEX = Maker("a Knex instance", Kind.DATABASE, pool=_KNEX_POOL)
_MSSQL = Maker("an SQL Server pool", Kind.DATABASE, pool=_MSSQL_POOL)
_HTTP = Maker("an HTTP client", Kind.HTTP)
_SEARCH = Maker("a search client", Kind.HTTP, new=True)
_API = Maker("an API client", Kind.HTTP, new=True)
_AGENT = Maker("an HTTP agent", Kind.HTTP, new=True)
_AWS = Maker("an AWS client", Kind.AWS, new=True)

_MAKERS = {
    r"^@aws-sdk/client-[\w-]+:[A-Z]\w*(?<!Command)(?<!Exception)": _AWS,
    "@aws-sdk/lib-dynamodb:DynamoDBDocumentClient.from": Maker("an AWS client", Kind.AWS),
    "@aws-sdk/lib-dynamodb:DynamoDBDocument.from": Maker("an AWS client", Kind.AWS),
    r"^aws-sdk:(?!Config|Credentials|Endpoint|HttpRequest|\w*Credentials)[A-Z]\w*(?:\.[A-Z]\w*)?": _AWS,
    r"^aws-sdk/clients/\w+:(?:[A-Z]\w*)?": _AWS,
    "pg:Pool": _PG_MADE,
    "pg:native.Pool": _PG_MADE,
    "pg-pool:": _PG_MADE,
    "pg:Client": _PG,
    "@neondatabase/serverless:Pool": _PG_MADE,
    "postgres:": Maker("a PostgreSQL pool", Kind.POSTGRES, pool=_POSTGRES_POOL),
    "pg-promise:()": Maker("a pg-promise database", Kind.POSTGRES, pool=_PG_POOL),
    "slonik:createPool": Maker("a PostgreSQL pool", Kind.POSTGRES),
    **{
        f"{name}:createConnection": _MYSQL for name in ("mysql", "mysql2", "mysql2/promise", "promise-mysql", "mariadb")
    },
    **{f"{name}:createPool": _MYSQL_MADE for name in ("mysql", "mysql2", "mysql2/promise", "promise-mysql", "mariadb")},
    "serverless-mysql:": Maker("a MySQL connection", Kind.DATABASE),
    "mssql:connect": _MSSQL,
    "mssql:ConnectionPool": _MSSQL,
    "oracledb:getConnection": Maker("an Oracle connection", Kind.DATABASE, breaks=True),
    "oracledb:createPool": Maker("an Oracle pool", Kind.DATABASE, pool=_ORACLE_POOL),
    "mongodb:MongoClient": Maker("a MongoDB client", Kind.DATABASE, pool=_MONGO_POOL, new=True),
    "mongodb:MongoClient.connect": _MONGO,
    "mongoose:connect": Maker("a MongoDB connection", Kind.DATABASE, pool=_MONGO_POOL),
    "mongoose:createConnection": Maker("a MongoDB connection", Kind.DATABASE, pool=_MONGO_POOL),
    "ioredis:": Maker("a Redis client", Kind.OTHER, new=True),
    "ioredis:Redis": Maker("a Redis client", Kind.OTHER, new=True),
    "ioredis:Cluster": Maker("a Redis client", Kind.OTHER, new=True),
    "ioredis:Redis.Cluster": Maker("a Redis client", Kind.OTHER, new=True),
    "redis:createClient": _REDIS,
    "redis:createCluster": _REDIS,
    "@redis/client:createClient": _REDIS,
    "@upstash/redis:Redis": Maker("a Redis client", Kind.HTTP, new=True),
    "memcached:": Maker("a Memcached client", Kind.OTHER, new=True),
    "knex:": _KNEX,
    "knex:knex": _KNEX,
    "@prisma/client:PrismaClient": Maker("a Prisma client", Kind.DATABASE, new=True),
    "sequelize:": _SEQUELIZE,
    "sequelize:Sequelize": _SEQUELIZE,
    "sequelize-typescript:Sequelize": _SEQUELIZE,
    "typeorm:DataSource": Maker("a TypeORM data source", Kind.DATABASE, pool=_TYPEORM_POOL, new=True),
    "typeorm:createConnection": Maker("a TypeORM connection", Kind.DATABASE, pool=_TYPEORM_POOL),
    "kysely:Kysely": Maker("a Kysely instance", Kind.DATABASE, new=True),
    "axios:create": _HTTP,
    "got:extend": _HTTP,
    "undici:Agent": _AGENT,
    "undici:Pool": _AGENT,
    "http:Agent": _AGENT,
    "https:Agent": _AGENT,
    "@elastic/elasticsearch:Client": _SEARCH,
    "@opensearch-project/opensearch:Client": _SEARCH,
    "neo4j-driver:driver": Maker("a Neo4j driver", Kind.DATABASE),
    "cassandra-driver:Client": Maker("a Cassandra client", Kind.DATABASE, new=True),
    "kafkajs:Kafka": Maker("a Kafka client", Kind.OTHER, new=True),
    "amqplib:connect": Maker("a RabbitMQ connection", Kind.OTHER),
    "stripe:": _API,
    "stripe:Stripe": _API,
    "openai:": _API,
    "openai:OpenAI": _API,
    "@anthropic-ai/sdk:": _API,
    "@slack/web-api:WebClient": _API,
    "@google-cloud/storage:Storage": _API,
    "@supabase/supabase-js:createClient": _HTTP,
}

_HEAVY = (
    *(
        "puppeteer",
        "puppeteer-core",
        "playwright",
        "playwright-core",
        "jsdom",
        "cheerio",
        "pdfkit",
        "pdf-lib",
        "pdfmake",
    ),
    *("exceljs", "xlsx", "sharp", "jimp", "canvas", "mathjs", "typescript", "googleapis", "firebase-admin", "docx"),
    *("@tensorflow/tfjs-node", "@tensorflow/tfjs", "moment-timezone", "handlebars", "mjml", "graphql", "openai"),
)

_SDK_SAVES = "147 ms of a cold start in one published trace (2019), less the one client that is needed."
_WHOLE = {
    "aws-sdk": Heavy("aws-sdk", "the one client from its @aws-sdk/client package", saves=_SDK_SAVES),
    "aws-xray-sdk": Heavy("aws-xray-sdk", "aws-xray-sdk-core"),
    "lodash": Heavy("lodash", "the one function, such as lodash/get"),
    "underscore": Heavy("underscore", "the one function, such as underscore/modules/map.js"),
    "ramda": Heavy("ramda", "the one function by its name", parts=True),
    "rxjs": Heavy("rxjs", "the one function by its name", parts=True),
    "date-fns": Heavy("date-fns", "the one function, such as date-fns/addDays", parts=True),
    "moment": Heavy("moment", "the runtime's own Date and Intl, or a smaller package such as dayjs"),
    "moment-timezone": Heavy("moment-timezone", "the runtime's own Date and Intl, or a smaller package such as dayjs"),
    "googleapis": Heavy("googleapis", "the one API from its @googleapis package"),
    r"^@aws-sdk/(?:client|lib)-[\w-]+": Heavy(
        "the client package", "its client and commands by their names", namespace=True
    ),
}

_NETWORK = (
    r"@aws-sdk/client-[\w-]+:\w+\(\)\.(?!destroy|middlewareStack|config)\w+",
    r"@aws-sdk/lib-dynamodb:\w+\.from\(\)\.\w+",
    r"aws-sdk(?:/clients/\w+)?:[\w.]*\(\)\.\w+\(\)\.promise",
    r"axios:(?:(?:create\(\)\.)?(?:get|post|put|delete|head|patch|request))?",
    r"(?:node-fetch|cross-fetch|got|undici):(?:fetch|get|post|request)?",
    r"fetch",
    r"timers/promises:setTimeout",
)

JAVASCRIPT = Library(
    makers=_MAKERS,
    heavy={name: Heavy(name) for name in _HEAVY},
    whole=_WHOLE,
    network=tuple(map(re.compile, _NETWORK)),
    blocking=(re.compile(r"child_process:(?:exec|execFile|spawn)Sync"),),
    request_bound=frozenset({"credentials", "accessKeyId", "secretAccessKey", "sessionToken"}),
    reconnects=frozenset({"'error", "'end", "'close", "ping", "isConnected", "_ending", "_connected", "reconnect"}),
)
"""JavaScript's and TypeScript's."""
