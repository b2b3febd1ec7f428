import * as loadfit from "@pulumi/loadfit";

const egress = new loadfit.MultiAzNatEgress("egress", {
    vpcId: "vpc-0a1b",
    zones: {
        "use1-az1": { publicSubnetId: "subnet-1a", privateSubnetIds: ["subnet-1b"] },
        "use1-az2": { publicSubnetId: "subnet-2a", privateSubnetIds: ["subnet-2b"] },
        "use1-az4": { publicSubnetId: "subnet-4a", privateSubnetIds: ["subnet-4b"] },
    },
    load: {
        region: "us-east-1",
        zones: 3,
        flows: [{ client: "checkout", pods: 200, to: "api.stripe.com:443", connectionsPerPod: 300 }],
    },
});

const orders = new loadfit.PgBouncerPool("orders", {
    endpoint: "orders.0a1b2c.us-east-1.rds.amazonaws.com:5432",
    credentials: "orders-credentials",
    serverCaConfigMap: "rds-ca",
    clientTlsSecret: "pgbouncer-tls",
    load: {
        name: "orders",
        maxConnections: 200,
        replicas: 2,
        serverConnections: 50,
        maxClientConn: 1000,
        clients: [
            {
                client: "orders",
                pods: 20,
                poolSize: 10,
                maxOverflow: 0,
                transactionsPerSecond: 2000,
                meanTransactionMs: 10,
            },
        ],
    },
});

const storefront = new loadfit.WarmLambda("storefront", {
    codeObject: { bucket: "shop-releases", key: "storefront/1.4.0.zip", version: "3Xk9" },
    handler: "app.handler",
    load: {
        name: "storefront",
        region: "us-east-1",
        runtime: "python3.13",
        windows: {
            day: { peakRequestsPerSecond: 26, meanDurationMs: 50, p99DurationMs: 100 },
        },
        initMs: 800,
        targetP99Ms: 200,
        reservedConcurrency: 12,
        database: { name: "orders", connectionsPerInstance: 1, transactionsPerRequest: 1, meanTransactionMs: 10 },
    },
});

export const allowList = egress.allowListCidrs;
export const url = orders.url;
export const invokeArn = storefront.aliasInvokeArn;
