"""The policy pack, as the Pulumi CLI starts it: ``pulumi preview --policy-pack policies``."""

from pulumi_policy import PolicyPack

from pack import POLICIES

PolicyPack("loadfit", [*POLICIES])
