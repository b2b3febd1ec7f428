"""The double of Kubernetes: what the API server and the provider's wait for readiness answer."""

from collections.abc import Iterator

from proofs.engine.provider import Inputs
from proofs.engine.rules import Kind
from proofs.kubernetes.kinds import CONFIG_MAP, SECRET, SERVICE, STATEFUL_SET, same_place
from tests.engine.doubles.cloud import Cloud, Object, Refused
from tests.engine.doubles.provider import Double, Laws

__all__ = ["LAWS", "MUTABLE", "KubernetesDouble", "mounted", "unmounted"]

LAWS = Laws()


class KubernetesDouble(Double):
    """The provider decides some things by the object itself."""

    def keeps_its_name(self, kind: Kind, old: Inputs, new: Inputs) -> bool:
        """Where the successor has the same name."""
        return same_place(old, new)


def mounted(replicas: Object) -> Iterator[tuple[str, str]]:
    """The ConfigMaps and Secrets in a StatefulSet's pods, as type and id."""
    namespace = replicas.get("metadata.namespace")
    for volume in replicas.get("spec.template.spec.volumes") or ():
        if "configMap" in volume:
            yield CONFIG_MAP, f"{namespace}/{volume['configMap']['name']}"
        if "secret" in volume:
            yield SECRET, f"{namespace}/{volume['secret']['secretName']}"


def unmounted(cloud: Cloud) -> list[str]:
    """The ConfigMaps that pods mount and that are not there."""
    found = [one for replicas in cloud.of_type(STATEFUL_SET) for one in mounted(replicas)]
    return [one[1] for one in found if one[0] == CONFIG_MAP and one not in cloud.objects]


@LAWS.refuse("create", STATEFUL_SET)
@LAWS.refuse("update", STATEFUL_SET)
def _pods_become_ready(cloud: Cloud, replicas: Object, _: Inputs) -> None:
    """The provider waits for the pods, and they wait for what they mount and for the names of their peers."""
    for type_and_id in mounted(replicas):
        if type_and_id not in cloud.objects:
            raise Refused(
                f'MountVolume.SetUp failed for volume: {type_and_id[0].split(":")[-1]} "{type_and_id[1]}" not found'
            )
    peers = f"{replicas.get('metadata.namespace')}/{replicas.get('spec.serviceName')}"
    if (SERVICE, peers) not in cloud.objects:
        raise Refused(f"the pods have no names: there is no Service {peers}")


@LAWS.follow("create", SERVICE)
def _gets_a_load_balancer(_cloud: Cloud, service: Object, _: Inputs) -> None:
    """The provider waits until the AWS Load Balancer Controller tells its name."""
    if service.get("spec.type") == "LoadBalancer":
        host = f"k8s-{service.get('metadata.name')}.elb.us-east-1.amazonaws.com"
        service.computed["status"] = {"loadBalancer": {"ingress": [{"hostname": host}]}}


MUTABLE = {
    *("replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
    "revisionHistoryLimit",
}


@LAWS.refuse("update", STATEFUL_SET)
def _only_some_fields_change(_cloud: Cloud, replicas: Object, old: Inputs) -> None:
    before, after = old["spec"], replicas.inputs["spec"]
    changed = [key for key in {*before, *after} if before.get(key) != after.get(key) and key not in MUTABLE]
    if changed:
        raise Refused(f"Forbidden: updates to statefulset spec for fields other than {sorted(MUTABLE)}: {changed}")


@LAWS.refuse("update", CONFIG_MAP, SECRET)
def _immutable_stays(_cloud: Cloud, one: Object, old: Inputs) -> None:
    data = ("data", "binaryData", "stringData", "immutable")
    if old.get("immutable") and any(old.get(key) != one.inputs.get(key) for key in data):
        raise Refused("Forbidden: field is immutable when `immutable` is set")
