"""The reference stack: a network, its egress and its databases, sized from the load under ``loadfit:load``."""

import pulumi

import loadfit
from databases import databases, pool_config
from network import network

# Every problem of every section, and of what the parts are given, before anything is registered.
load = loadfit.from_config()
pool = pool_config(load.databases)

vpc = network(load.stack.zones, load.stack.region)
pulumi.export("vpc_id", vpc.vpc_id)

if load.egress is not None:
    wiring: loadfit.MultiAzNatEgressArgs = {
        "load": load.egress,
        "vpc_id": vpc.vpc_id,
        "zones": vpc.zones,
        "tags": {"project": pulumi.get_project(), "stack": pulumi.get_stack()},
    }
    if vpc.internet_gateway is not None:
        wiring["internet_gateway"] = vpc.internet_gateway
    egress = loadfit.MultiAzNatEgress("egress", wiring)
    pulumi.export("allow_list", egress.allow_list_cidrs)
    pulumi.export("egress_sizing", egress.sizing)

databases(load.databases, pool, vpc, load.stack.region)
