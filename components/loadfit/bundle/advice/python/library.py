"""What the rules know of Python packages."""

import re

from loadfit.bundle.advice.library import Heavy, Kind, Library, Maker, Pool

__all__ = ["PYTHON"]

_PSYCOPG_POOL = Pool(
    ("max_size",),
    ("min_size",),
    opens=4,
    one="min_size=1, max_size=1",
    source="https://www.psycopg.org/psycopg3/docs/api/pool.html",
)
_PSYCOPG2_POOL = Pool(
    ("maxconn|1",), ("minconn|0",), one="minconn=1, maxconn=1", source="https://www.psycopg.org/docs/pool.html"
)
_ASYNCPG_POOL = Pool(
    ("max_size",),
    ("min_size",),
    opens=10,
    one="min_size=1, max_size=1",
    source="https://magicstack.github.io/asyncpg/current/api/index.html",
)
_ENGINE_POOL = Pool(
    ("pool_size", "max_overflow"),
    one="pool_size=1, max_overflow=0",
    unless="poolclass",
    source="https://docs.sqlalchemy.org/en/20/core/pooling.html",
)
_AIO_POOL = Pool(
    ("maxsize",), ("minsize",), one="minsize=1, maxsize=1", source="https://aiomysql.readthedocs.io/en/stable/pool.html"
)
_MONGO_POOL = Pool(
    ("maxPoolSize",),
    ("minPoolSize",),
    one="maxPoolSize=1",
    source="https://pymongo.readthedocs.io/en/stable/api/pymongo/mongo_client.html",
)
_MYSQL_POOL = Pool(
    ("pool_size",),
    ("pool_size",),
    opens=5,
    one="pool_size=1",
    source="https://dev.mysql.com/doc/connector-python/en/connector-python-connection-pooling.html",
)
_ORACLE_POOL = Pool(
    ("max",),
    ("min",),
    one="min=1, max=1",
    source="https://python-oracledb.readthedocs.io/en/latest/user_guide/connection_handling.html",
)

_BOTO3 = Maker("a boto3 client", Kind.AWS)
_BOTO3_SESSION = Maker("a boto3 session", Kind.AWS)
_PSYCOPG = Maker("a psycopg connection", Kind.POSTGRES, breaks=True)
_PSYCOPG2 = Maker("a psycopg2 connection", Kind.POSTGRES, breaks=True)
_MYSQL = Maker("a MySQL connection", Kind.DATABASE, breaks=True)
_REDIS = Maker("a Redis client", Kind.OTHER)
_AIO_REDIS = Maker("a Redis client", Kind.OTHER, asynchronous=True)
_MONGO = Maker("a MongoDB client", Kind.DATABASE, pool=_MONGO_POOL)
_AIO_MONGO = Maker("a MongoDB client", Kind.DATABASE, asynchronous=True, pool=_MONGO_POOL)
_SEARCH = Maker("a search client", Kind.HTTP)
_DATABASE = Maker("a database connection", Kind.DATABASE)
_CLOUD = Maker("an API client", Kind.HTTP)
_KAFKA = Maker("a Kafka client", Kind.OTHER)
_CASSANDRA = Maker("a Cassandra cluster", Kind.DATABASE)

_MAKERS = {
    "boto3.client": _BOTO3,
    "boto3.resource": Maker("a boto3 resource", Kind.AWS),
    "boto3.Session": _BOTO3_SESSION,
    "boto3.session.Session": _BOTO3_SESSION,
    "boto3.Session().client": _BOTO3,
    "boto3.Session().resource": Maker("a boto3 resource", Kind.AWS),
    "boto3.session.Session().client": _BOTO3,
    "boto3.session.Session().resource": Maker("a boto3 resource", Kind.AWS),
    "botocore.session.get_session": Maker("a botocore session", Kind.AWS),
    "botocore.session.get_session().create_client": Maker("a botocore client", Kind.AWS),
    "aioboto3.Session": Maker("an aioboto3 session", Kind.AWS, asynchronous=True),
    "psycopg.connect": _PSYCOPG,
    "psycopg.Connection.connect": _PSYCOPG,
    "psycopg.AsyncConnection.connect": Maker("a psycopg connection", Kind.POSTGRES, asynchronous=True, breaks=True),
    "psycopg_pool.ConnectionPool": Maker("a psycopg pool", Kind.POSTGRES, pool=_PSYCOPG_POOL, checks="check"),
    "psycopg_pool.AsyncConnectionPool": Maker(
        "a psycopg pool", Kind.POSTGRES, asynchronous=True, pool=_PSYCOPG_POOL, checks="check"
    ),
    "psycopg_pool.NullConnectionPool": Maker("a psycopg pool", Kind.POSTGRES),
    "psycopg2.connect": _PSYCOPG2,
    "psycopg2.pool.SimpleConnectionPool": Maker("a psycopg2 pool", Kind.POSTGRES, pool=_PSYCOPG2_POOL),
    "psycopg2.pool.ThreadedConnectionPool": Maker("a psycopg2 pool", Kind.POSTGRES, pool=_PSYCOPG2_POOL),
    "asyncpg.connect": Maker("an asyncpg connection", Kind.POSTGRES, asynchronous=True, breaks=True),
    "asyncpg.create_pool": Maker("an asyncpg pool", Kind.POSTGRES, asynchronous=True, pool=_ASYNCPG_POOL),
    "pg8000.connect": Maker("a pg8000 connection", Kind.POSTGRES, breaks=True),
    "pg8000.dbapi.connect": Maker("a pg8000 connection", Kind.POSTGRES, breaks=True),
    "pg8000.native.Connection": Maker("a pg8000 connection", Kind.POSTGRES, breaks=True),
    "aiopg.create_pool": Maker("an aiopg pool", Kind.POSTGRES, asynchronous=True, pool=_AIO_POOL),
    "sqlalchemy.create_engine": Maker("an SQLAlchemy engine", Kind.DATABASE, pool=_ENGINE_POOL, checks="pool_pre_ping"),
    "sqlalchemy.engine.create_engine": Maker(
        "an SQLAlchemy engine", Kind.DATABASE, pool=_ENGINE_POOL, checks="pool_pre_ping"
    ),
    "sqlmodel.create_engine": Maker("an SQLAlchemy engine", Kind.DATABASE, pool=_ENGINE_POOL, checks="pool_pre_ping"),
    "sqlalchemy.ext.asyncio.create_async_engine": Maker(
        "an SQLAlchemy engine", Kind.DATABASE, asynchronous=True, pool=_ENGINE_POOL, checks="pool_pre_ping"
    ),
    "pymysql.connect": _MYSQL,
    "pymysql.Connect": _MYSQL,
    "pymysql.connections.Connection": _MYSQL,
    "MySQLdb.connect": _MYSQL,
    "mysql.connector.connect": _MYSQL,
    "mysql.connector.pooling.MySQLConnectionPool": Maker("a MySQL pool", Kind.DATABASE, pool=_MYSQL_POOL),
    "aiomysql.connect": Maker("a MySQL connection", Kind.DATABASE, asynchronous=True, breaks=True),
    "aiomysql.create_pool": Maker("a MySQL pool", Kind.DATABASE, asynchronous=True, pool=_AIO_POOL),
    "pymssql.connect": Maker("an SQL Server connection", Kind.DATABASE, breaks=True),
    "pyodbc.connect": Maker("an ODBC connection", Kind.DATABASE, breaks=True),
    "oracledb.connect": Maker("an Oracle connection", Kind.DATABASE, breaks=True),
    "oracledb.create_pool": Maker("an Oracle pool", Kind.DATABASE, pool=_ORACLE_POOL),
    "cx_Oracle.connect": Maker("an Oracle connection", Kind.DATABASE, breaks=True),
    "snowflake.connector.connect": Maker("a Snowflake connection", Kind.DATABASE),
    "redshift_connector.connect": Maker("a Redshift connection", Kind.DATABASE, breaks=True),
    "clickhouse_connect.get_client": _DATABASE,
    "pymongo.MongoClient": _MONGO,
    "pymongo.mongo_client.MongoClient": _MONGO,
    "pymongo.AsyncMongoClient": _AIO_MONGO,
    "motor.motor_asyncio.AsyncIOMotorClient": _AIO_MONGO,
    "mongoengine.connect": _MONGO,
    "redis.Redis": _REDIS,
    "redis.StrictRedis": _REDIS,
    "redis.from_url": _REDIS,
    "redis.Redis.from_url": _REDIS,
    "redis.StrictRedis.from_url": _REDIS,
    "redis.client.Redis": _REDIS,
    "redis.ConnectionPool": _REDIS,
    "redis.ConnectionPool.from_url": _REDIS,
    "redis.RedisCluster": _REDIS,
    "redis.cluster.RedisCluster": _REDIS,
    "redis.asyncio.Redis": _AIO_REDIS,
    "redis.asyncio.from_url": _AIO_REDIS,
    "redis.asyncio.Redis.from_url": _AIO_REDIS,
    "valkey.Valkey": _REDIS,
    "pymemcache.client.base.Client": Maker("a Memcached client", Kind.OTHER),
    "requests.Session": Maker("a requests session", Kind.HTTP),
    "requests.session": Maker("a requests session", Kind.HTTP),
    "requests.sessions.Session": Maker("a requests session", Kind.HTTP),
    "httpx.Client": Maker("an httpx client", Kind.HTTP),
    "httpx.AsyncClient": Maker("an httpx client", Kind.HTTP, asynchronous=True),
    "aiohttp.ClientSession": Maker("an aiohttp session", Kind.HTTP, asynchronous=True),
    "urllib3.PoolManager": Maker("a urllib3 pool", Kind.HTTP),
    "elasticsearch.Elasticsearch": _SEARCH,
    "elasticsearch.AsyncElasticsearch": Maker("a search client", Kind.HTTP, asynchronous=True),
    "elasticsearch_dsl.connections.create_connection": _SEARCH,
    "opensearchpy.OpenSearch": _SEARCH,
    "opensearchpy.AsyncOpenSearch": Maker("a search client", Kind.HTTP, asynchronous=True),
    "openai.OpenAI": _CLOUD,
    "openai.AsyncOpenAI": Maker("an API client", Kind.HTTP, asynchronous=True),
    "anthropic.Anthropic": _CLOUD,
    "stripe.StripeClient": _CLOUD,
    "slack_sdk.WebClient": _CLOUD,
    "twilio.rest.Client": _CLOUD,
    "neo4j.GraphDatabase.driver": Maker("a Neo4j driver", Kind.DATABASE),
    "cassandra.cluster.Cluster": _CASSANDRA,
    "kafka.KafkaProducer": _KAFKA,
    "confluent_kafka.Producer": _KAFKA,
    "pika.BlockingConnection": Maker("a RabbitMQ connection", Kind.OTHER),
    "paho.mqtt.client.Client": Maker("an MQTT client", Kind.OTHER),
    "google.cloud.storage.Client": _CLOUD,
    "google.cloud.bigquery.Client": _CLOUD,
    "google.cloud.firestore.Client": _CLOUD,
}

_HEAVY = (
    *("pandas", "numpy", "scipy", "matplotlib", "seaborn", "plotly", "bokeh", "sympy", "statsmodels", "networkx"),
    *("sklearn", "torch", "torchvision", "tensorflow", "keras", "transformers", "xgboost", "lightgbm", "catboost"),
    *("nltk", "spacy", "gensim", "cv2", "skimage", "pyarrow", "polars", "dask", "numba", "geopandas", "shapely"),
    *("openpyxl", "xlsxwriter", "docx", "reportlab", "weasyprint", "fitz", "PIL", "pyspark", "altair", "duckdb"),
    *("sqlalchemy", "langchain", "openai", "anthropic", "great_expectations", "awswrangler", "snowflake"),
)

_BOTO3_LOCAL = (
    "close|exceptions|meta|can_paginate|get_paginator|get_waiter|waiter_names|generate_presigned_url|"
    "generate_presigned_post|events|client|resource"
)
_RESOURCE_CALLS = (
    "get|get_item|put_item|query|scan|load|reload|put|upload_file|download_file|download_fileobj|send_message|"
    "receive_messages|publish|wait_until_exists"
)
_SESSION = r"boto3\.(?:session\.)?Session\(\)"
_VERBS = "get|post|put|delete|head|options|patch|request"
_NETWORK = (
    rf"(?:boto3|{_SESSION})\.client\(\)\.(?!(?:{_BOTO3_LOCAL})\b)\w+",
    rf"(?:boto3|{_SESSION})\.client\(\)\.get_paginator\(\)\.paginate\(\)\.(?:build_full_result|search)",
    rf"(?:boto3|{_SESSION})\.client\(\)\.get_waiter\(\)\.wait",
    rf"(?:boto3|{_SESSION})\.resource\(\)\.\w+\(\)\.(?:{_RESOURCE_CALLS})",
    rf"requests\.(?:(?:Session|session)\(\)\.)?(?:{_VERBS})",
    rf"httpx\.(?:Client\(\)\.)?(?:{_VERBS}|stream)",
    r"urllib\.request\.(?:urlopen|urlretrieve)",
    r"urllib3\.(?:PoolManager\(\)\.)?request",
    r"time\.sleep",
    r"socket\.(?:create_connection|gethostbyname|getaddrinfo)",
    r"nltk\.download",
    r"aws_lambda_powertools\.utilities\.parameters\.(?:get_parameters?|get_secret|get_app_config|get_parameters_by_name)",
    r"aws_lambda_powertools\.utilities\.parameters\.\w+Provider\(\)\.(?:get|get_multiple)",
    r"subprocess\.(?:run|call|check_call|check_output)",
    r"pandas\.read_(?:csv|excel|parquet|json|sql|feather|hdf|pickle|sql_query|sql_table)",
)

PYTHON = Library(
    makers=_MAKERS,
    heavy={name: Heavy(name) for name in _HEAVY},
    network=tuple(map(re.compile, _NETWORK)),
    request_bound=frozenset({"aws_access_key_id", "aws_secret_access_key", "aws_session_token"}),
    reconnects=frozenset(
        {"closed", "ping", "is_connected", "reconnect", "OperationalError", "InterfaceError", "is_closed", "broken"}
        | {"ConnectionDoesNotExistError", "cmd_ping", "is_alive"}
    ),
)
"""Python's."""
