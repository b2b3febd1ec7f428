"""A double of pulumi-eks: ``pulumi-resource-eks``, a provider of components, as the CLI starts it.

Of what a cluster brings with it, there is only what the rest of a stack is given: its security group, and the
kubeconfig, which is known once the cluster is there. What pulumi-eks makes beside that, and how, is its own affair.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pulumi
import pulumi_aws as aws
from pulumi.provider import ConstructResult, Provider, main

__all__ = ["CLUSTER", "NODES", "command"]

CLUSTER = "eks:index:Cluster"
NODES = "eks:index:ManagedNodeGroup"


class Eks(Provider):
    """Clusters and groups of nodes."""

    def __init__(self) -> None:
        super().__init__(version("pulumi-eks"))

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Makes one."""
        if resource_type not in {CLUSTER, NODES}:
            raise NotImplementedError(f"the double of pulumi-eks knows no {resource_type}")
        made = pulumi.ComponentResource(resource_type, name, {}, options)
        outputs: dict[str, pulumi.Input[object]] = {}
        if resource_type == CLUSTER:
            group = aws.ec2.SecurityGroup(
                f"{name}-eks-security-group",
                description=f"EKS's own, of {name}",
                vpc_id=inputs["vpcId"],
                opts=pulumi.ResourceOptions(parent=made),
            )
            outputs["clusterSecurityGroupId"] = group.id
            outputs["kubeconfigJson"] = group.id.apply(lambda known: json.dumps({"clusters": [{"name": known}]}))
        made.register_outputs(outputs)
        return ConstructResult(made.urn, outputs)


def command(folder: Path) -> Path:
    """Writes the command that the CLI looks for on PATH into a folder."""
    script = folder / "pulumi-resource-eks"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


if __name__ == "__main__":
    main(Eks(), sys.argv[1:])
