-- The orders' table, for the role that the function logs in as. By the master user, once:
--   psql "host=... dbname=orders user=master sslmode=verify-full sslrootcert=global-bundle.pem" -v role=orders -f schema.sql
CREATE TABLE IF NOT EXISTS orders (
    id uuid PRIMARY KEY,
    item text NOT NULL CHECK (length(item) BETWEEN 1 AND 200),
    quantity integer NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT ON orders TO :"role";
