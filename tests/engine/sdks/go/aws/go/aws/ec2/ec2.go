// Package ec2 stands for that of AWS's SDK, of which the package's own refers to one resource only.
package ec2

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// InternetGateway is the resource.
type InternetGateway struct{ pulumi.CustomResourceState }

// InternetGatewayInput is one, or one that is known later.
type InternetGatewayInput interface{ pulumi.Input }
