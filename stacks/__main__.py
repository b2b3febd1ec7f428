"""The reference stack: network, egress, databases and functions, sized from the load under ``loadfit:load``."""

import pulumi

import loadfit
from databases import databases, pool_config
from functions import function_config, functions, used_databases, way_in
from network import network

# Every problem of every section, and of what the parts are given, before anything is registered.
load = loadfit.from_config()
pool = pool_config(load.databases)
function = function_config(load.functions, load.databases)

vpc = network(load.stack.zones, load.stack.region)
pulumi.export("vpc_id", vpc.vpc_id)

way_out: list[pulumi.Resource] = []
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
    way_out.append(egress)
    pulumi.export("allow_list", egress.allow_list_cidrs)
    pulumi.export("egress_sizing", egress.sizing)

ways_in = {} if function is None else {name: way_in(vpc, function) for name in used_databases(load.functions)}
pools = databases(load.databases, pool, vpc, load.stack.region, ways_in)
if function is not None:
    functions(load.functions, function, vpc, pools, load.stack.region, way_out)
