"""The reference stack: a whole platform, sized from the load under ``loadfit:load``.

Network, cluster, databases with their pools, applications and functions. What the load does not declare is not made,
and each part may be one that exists already: ``loadfit:network``, ``loadfit:kubeconfig`` in the place of
``loadfit:cluster``, ``loadfit:database``.
"""

import pulumi

import loadfit
from application import application_config, applications
from cluster import cluster, cluster_config
from databases import databases, pool_config
from functions import function_config, functions, used_databases, way_in
from network import network

# Every problem of every section, and of what the parts are given, before anything is registered.
load = loadfit.from_config()
nodes = cluster_config(load.stack)
pool = pool_config(load.databases)
sample = application_config(load.databases)
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
    if load.egress.gateways == 1 and load.egress.zones > 1:
        wiring["gateway_zone"] = next(iter(vpc.zones))
    egress = loadfit.MultiAzNatEgress("egress", wiring)
    way_out.append(egress)
    pulumi.export("allow_list", egress.allow_list_cidrs)
    pulumi.export("egress_sizing", egress.sizing)

where = cluster(nodes, vpc, load.stack, way_out)
# The first time, what the rest is given has to be put into the cluster before it.
if not pulumi.Config("loadfit").get_bool("cluster_only"):
    ways_in = {} if function is None else {name: way_in(vpc, function) for name in used_databases(load.functions)}
    pools = databases(load.databases, pool, vpc, load.stack.region, ways_in, where)
    if sample is not None:
        applications(load.databases, sample, pool.credentials, pools)
    if function is not None:
        functions(load.functions, function, vpc, pools, load.stack.region, way_out)
