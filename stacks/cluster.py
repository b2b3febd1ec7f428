"""The cluster: EKS in the private subnets, or one that exists already.

A new one is made where the stack's configuration says so; its pods leave through the NAT gateways of their zone:

.. code-block:: yaml

    loadfit:cluster:
      version: "1.35"
      nodes_per_zone: 2
      most_nodes_per_zone: 4         # for a cluster autoscaler; nodes_per_zone where not given
      instance_type: m7g.xlarge
      administrators: [arn:aws:iam::111122223333:role/platform]
      public_access_cidrs: []        # from where the API is reached from outside; not at all where not given
      deletion_protection: true

Without it, the cluster is that of the ambient kubeconfig, or of ``pulumi config set --secret loadfit:kubeconfig``;
``cluster_security_group`` under ``loadfit:pool`` is then the security group of its nodes.

What the pool and the functions are given has to be in the cluster before they are: ``pulumi config set
loadfit:cluster_only true`` makes network and cluster alone, the first time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import pulumi
import pulumi_aws as aws
import pulumi_eks as eks
import pulumi_kubernetes as kubernetes
from pydantic import Field

import loadfit
from configuration import declared, validated
from loadfit.core.model import Declared
from network import Network

LOGS = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
ADMINISTRATION = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
CONTROL_PLANE_ZONES = 2
"""EKS wants two, and takes no others later: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html"""

_Nodes = Annotated[int, Field(ge=1, le=450)]
_Arn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::\d{12}:(role|user)/.+$")]


class ClusterConfig(Declared):
    """What is under ``loadfit:cluster``."""

    version: Annotated[str, Field(pattern=r"^1\.\d+$")]
    nodes_per_zone: _Nodes
    most_nodes_per_zone: _Nodes | None = None
    instance_type: Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")] = "m7g.large"
    administrators: Annotated[list[_Arn], Field(min_length=1)]
    public_access_cidrs: list[str] = Field(default=[])
    deletion_protection: bool = True


@dataclass(frozen=True)
class Cluster:
    """What the other parts of the stack need of the cluster."""

    provider: kubernetes.Provider | None
    """``None``: that of the ambient kubeconfig."""
    security_group_id: pulumi.Input[str] | None
    """Of its nodes and their pods; ``None`` where the stack does not make it."""


def is_made() -> bool:
    """Whether the stack makes its cluster."""
    return declared("cluster") is not None


def cluster_config(load: loadfit.StackLoad) -> ClusterConfig | None:
    """The configuration of a new cluster, checked before anything is registered; ``None`` where it exists already.

    Args:
        load: The declared load.

    Raises:
        loadfit.InvalidInputs: It is wrong, or does not go with the load.
    """
    config = pulumi.Config("loadfit")
    given = declared("cluster")
    if given is None:
        return None
    known = validated("cluster", ClusterConfig, given)
    if config.get_secret("kubeconfig") is not None:
        raise loadfit.InvalidInputs(
            "loadfit:kubeconfig: expected nothing beside loadfit:cluster, found one. The stack makes its cluster, or "
            "is told of one: remove either."
        )
    if load.zones < CONTROL_PLANE_ZONES:
        raise loadfit.InvalidInputs(f"zones: expected at least {CONTROL_PLANE_ZONES} for a cluster, found {load.zones}")
    if known.most_nodes_per_zone is not None and known.most_nodes_per_zone < known.nodes_per_zone:
        raise loadfit.InvalidInputs(
            "loadfit:cluster.most_nodes_per_zone: expected at least the "
            f"{known.nodes_per_zone} of nodes_per_zone, found {known.most_nodes_per_zone}"
        )
    nodes, sized = load.zones * known.nodes_per_zone, load.egress.nodes if load.egress else None
    if sized is not None and sized != nodes:
        raise loadfit.InvalidInputs(
            f"egress.nodes: expected {nodes}, {load.zones} zones x {known.nodes_per_zone} of "
            f"loadfit:cluster.nodes_per_zone, found {sized}. Ports of nodes are sized with it: make them one."
        )
    return known


def cluster(
    wired: ClusterConfig | None, network: Network, load: loadfit.StackLoad, after: Sequence[pulumi.Resource]
) -> Cluster:
    """Makes the cluster, or finds the one that exists.

    Args:
        wired: Its configuration; ``None`` for one that exists.
        network: Where it stands.
        load: The declared load, which says who translates the pods' addresses.
        after: What has to be there before nodes start, such as the way out to the images.
    """
    if wired is None:
        kubeconfig = pulumi.Config("loadfit").get_secret("kubeconfig")
        return Cluster(None if kubeconfig is None else kubernetes.Provider("cluster", kubeconfig=kubeconfig), None)
    made = _control_plane(wired, network, load)
    nodes = _nodes(wired, network, made, after)
    pulumi.export("kubeconfig", pulumi.Output.secret(made.kubeconfig_json))
    # What uses the provider waits for the nodes with it.
    provider = kubernetes.Provider(
        "cluster", kubeconfig=made.kubeconfig_json, opts=pulumi.ResourceOptions(depends_on=list(nodes))
    )
    return Cluster(provider, made.cluster_security_group_id)


def _control_plane(wired: ClusterConfig, network: Network, load: loadfit.StackLoad) -> eks.Cluster:
    key = aws.kms.Key(
        "cluster",
        description="Secrets of the cluster, at rest",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        region=load.region,
        tags=_tags("cluster"),
    )
    zones = list(network.zones.values())[:CONTROL_PLANE_ZONES]
    return eks.Cluster(
        "cluster",
        version=wired.version,
        vpc_id=network.vpc_id,
        private_subnet_ids=[zone["private_subnet_ids"][0] for zone in zones],
        authentication_mode=eks.AuthenticationMode.API,
        access_entries={
            # By the principal: one more moves no other.
            principal.rpartition(":")[2]: eks.AccessEntryArgs(
                principal_arn=principal,
                access_policies={
                    "administration": eks.AccessPolicyAssociationArgs(
                        policy_arn=ADMINISTRATION,
                        access_scope=aws.eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
                    )
                },
            )
            for principal in wired.administrators
        },
        endpoint_private_access=True,
        endpoint_public_access=bool(wired.public_access_cidrs),
        public_access_cidrs=wired.public_access_cidrs or None,
        enabled_cluster_log_types=LOGS,
        encryption_config_key_arn=key.arn,
        deletion_protection=wired.deletion_protection,
        create_oidc_provider=True,
        # EKS's own security group is that of the managed nodes, and so of their pods.
        skip_default_security_groups=True,
        skip_default_node_group=True,
        vpc_cni_options=eks.VpcCniOptionsArgs(
            # Changing it breaks connections of running pods: it is the load's to say.
            external_snat=bool(load.egress and load.egress.external_snat),
            # The pool's NetworkPolicy is nothing without it.
            enable_network_policy=True,
        ),
        tags=_tags("cluster"),
    )


def _nodes(
    wired: ClusterConfig, network: Network, made: eks.Cluster, after: Sequence[pulumi.Resource]
) -> Sequence[pulumi.Resource]:
    """A group of nodes in each zone: another subnet would replace the group that it is added to."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    role = aws.iam.Role("nodes", assume_role_policy=pulumi.Output.json_dumps(trust), tags=_tags("nodes"))
    attached = [
        aws.iam.RolePolicyAttachment(
            f"nodes-{policy}",
            role=role.name,
            policy_arn=f"arn:aws:iam::aws:policy/{policy}",
            opts=pulumi.ResourceOptions(parent=role),
        )
        for policy in NODE_POLICIES
    ]
    return [
        eks.ManagedNodeGroup(
            f"nodes-{zone}",
            cluster=made,
            node_role_arn=role.arn,
            subnet_ids=subnets["private_subnet_ids"],
            instance_types=[wired.instance_type],
            operating_system=eks.OperatingSystem.AL2023,
            enable_imd_sv2=True,
            scaling_config=aws.eks.NodeGroupScalingConfigArgs(
                min_size=wired.nodes_per_zone,
                desired_size=wired.nodes_per_zone,
                max_size=wired.most_nodes_per_zone or wired.nodes_per_zone,
            ),
            # An autoscaler's number is its own.
            ignore_scaling_changes=True,
            tags=_tags(f"nodes-{zone}"),
            opts=pulumi.ResourceOptions(depends_on=[*attached, *after]),
        )
        for zone, subnets in network.zones.items()
    ]


def _tags(name: str) -> dict[str, str]:
    return {"Name": name, "project": pulumi.get_project(), "stack": pulumi.get_stack()}
