package main

import (
	"example.com/pulumi-loadfit/sdk/go/loadfit" // what `pulumi package add` makes in sdks/
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		egress, err := loadfit.NewMultiAzNatEgress(ctx, "egress", &loadfit.MultiAzNatEgressArgs{
			VpcId: pulumi.String("vpc-0a1b"),
			Zones: map[string]loadfit.EgressZoneArgs{
				"use1-az1": zone("subnet-1a", "subnet-1b"),
				"use1-az2": zone("subnet-2a", "subnet-2b"),
				"use1-az4": zone("subnet-4a", "subnet-4b"),
			},
			Load: loadfit.EgressLoadArgs{
				Region: "us-east-1",
				Zones:  3,
				Flows: []loadfit.FlowArgs{{
					Client:            "checkout",
					Pods:              200,
					To:                "api.stripe.com:443",
					ConnectionsPerPod: pulumi.IntRef(300),
				}},
			},
		})
		if err != nil {
			return err
		}
		orders, err := loadfit.NewPgBouncerPool(ctx, "orders", &loadfit.PgBouncerPoolArgs{
			Endpoint:          pulumi.String("orders.0a1b2c.us-east-1.rds.amazonaws.com:5432"),
			Credentials:       pulumi.String("orders-credentials"),
			ServerCaConfigMap: pulumi.String("rds-ca"),
			ClientTlsSecret:   pulumi.String("pgbouncer-tls"),
			Load: loadfit.DatabaseLoadArgs{
				Name:              "orders",
				MaxConnections:    pulumi.IntRef(200),
				Replicas:          pulumi.IntRef(2),
				ServerConnections: pulumi.IntRef(50),
				MaxClientConn:     pulumi.IntRef(1000),
				Clients: []loadfit.ClientGroupArgs{{
					Client:                "orders",
					Pods:                  20,
					PoolSize:              10,
					MaxOverflow:           0,
					TransactionsPerSecond: 2000,
					MeanTransactionMs:     10,
				}},
			},
		})
		if err != nil {
			return err
		}
		storefront, err := loadfit.NewWarmLambda(ctx, "storefront", &loadfit.WarmLambdaArgs{
			CodeObject: &loadfit.CodeObjectArgs{
				Bucket:  pulumi.String("shop-releases"),
				Key:     pulumi.String("storefront/1.4.0.zip"),
				Version: pulumi.String("3Xk9"),
			},
			Handler: pulumi.StringRef("app.handler"),
			Load: loadfit.FunctionLoadArgs{
				Name:    "storefront",
				Region:  "us-east-1",
				Runtime: pulumi.StringRef("python3.13"),
				Windows: map[string]loadfit.WindowArgs{
					"day": {
						PeakRequestsPerSecond: 26,
						MeanDurationMs:        pulumi.Float64Ref(50),
						P99DurationMs:         pulumi.Float64Ref(100),
					},
				},
				InitMs:              pulumi.Float64Ref(800),
				TargetP99Ms:         pulumi.Float64Ref(200),
				ReservedConcurrency: pulumi.IntRef(12),
				Database: &loadfit.DatabaseUseArgs{
					Name:                   "orders",
					ConnectionsPerInstance: 1,
					TransactionsPerRequest: 1,
					MeanTransactionMs:      10,
				},
			},
		})
		if err != nil {
			return err
		}
		ctx.Export("allowList", egress.AllowListCidrs)
		ctx.Export("url", orders.Url)
		ctx.Export("invokeArn", storefront.AliasInvokeArn)
		return nil
	})
}

func zone(public, private string) loadfit.EgressZoneArgs {
	return loadfit.EgressZoneArgs{
		PublicSubnetId:   pulumi.String(public),
		PrivateSubnetIds: []pulumi.StringInput{pulumi.String(private)},
	}
}
