"""One cluster for all tests of a process, and a namespace for each of them."""

from collections.abc import Iterator
from itertools import count

import pytest

from proofs.claims import Missing
from proofs.kubernetes.api import Api
from proofs.kubernetes.control_plane import programs, serving_control_plane
from tests.servers import lacking

_numbers = count(1)


@pytest.fixture(scope="session")
def api() -> Iterator[Api]:
    try:
        installed = programs()
    except Missing as absent:
        lacking(str(absent))
    with serving_control_plane(installed) as serving:
        yield serving.api


@pytest.fixture
def namespace(api: Api) -> str:
    """It refuses, and warns of, pods beyond the restricted standard."""
    name = f"test-{next(_numbers)}"
    standard = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    made = api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": standard}})
    assert made.status == 201, made.message
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    api.until("a namespace has its service account", lambda: api.request("GET", account).status == 200)
    return name
