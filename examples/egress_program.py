"""One NAT gateway in each zone of a VPC that exists already, sized from the stack's declared load."""

import pulumi

import loadfit

load = loadfit.from_config()
egress = loadfit.MultiAzNatEgress(
    "egress",
    {
        "load": load.egress,
        "vpc_id": "vpc-0a1b",
        "zones": {
            "use1-az1": {"public_subnet_id": "subnet-1a", "private_subnet_ids": ["subnet-1b"]},
            "use1-az2": {"public_subnet_id": "subnet-2a", "private_subnet_ids": ["subnet-2b"]},
            "use1-az4": {"public_subnet_id": "subnet-4a", "private_subnet_ids": ["subnet-4b"]},
        },
    },
)
pulumi.export("allow_list", egress.allow_list_cidrs)
