"""What pulumi-kubernetes knows of the types of objects that this project makes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from proofs.engine.rules import looked_up, read_kinds

__all__ = ["CONFIG_MAP", "KINDS", "SECRET", "SERVICE", "STATEFUL_SET", "same_place"]

KINDS = read_kinds(Path(__file__).with_name("kinds.yaml"))

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"


def same_place(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a successor would have the same name in the same namespace: it can only be there afterwards."""
    return all(looked_up(old, path) == looked_up(new, path) for path in ("metadata.name", "metadata.namespace"))
