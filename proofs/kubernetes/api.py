"""The API of a Kubernetes cluster: what a test or a proof asks of it, and all that it answers, its warnings too."""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

__all__ = ["Answer", "Api", "NotInTime", "Refused"]

Json = dict[str, Any]
WAIT_SECONDS = 30


class Refused(Exception):
    """What the server answered instead of doing what it was asked for."""


class NotInTime(Exception):
    """What did not come about while it was waited for."""


@dataclass(frozen=True)
class Answer:
    """Of the server to one request."""

    status: int
    body: Json
    warnings: list[str]
    """Of what is deprecated, or lost."""

    @property
    def message(self) -> str:
        """Why it was refused."""
        return str(self.body.get("message", ""))


@dataclass
class Api:
    """A client with all rights."""

    address: str
    port: int
    token: str
    authority: Path
    _places: dict[tuple[str, str], tuple[str, bool]] = field(default_factory=dict[tuple[str, str], tuple[str, bool]])

    def request(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Answer:
        """One request and its answer, whatever it is."""
        trusted = ssl.create_default_context(cafile=self.authority)
        connection = HTTPSConnection(self.address, self.port, timeout=WAIT_SECONDS, context=trusted)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content, "Accept": "application/json"}
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            text = response.read()
            # https://kubernetes.io/blog/2020/09/03/warnings/: 299 - "text"
            warnings = [value.partition(" ")[2].partition(" ")[2] for value in response.headers.get_all("Warning", [])]
            known = (response.getheader("Content-Type") or "").startswith("application/json")
            return Answer(response.status, json.loads(text) if known else {"message": text.decode()}, warnings)
        finally:
            connection.close()

    def get(self, path: str) -> Json:
        """What is there.

        Raises:
            Refused: Nothing is.
        """
        return self._done("GET", path)

    def create(self, one: Mapping[str, Any]) -> Answer:
        """Makes an object as a client without a provider does."""
        place = self._place(one, named=False)
        return self.request("POST", f"{place}?fieldValidation=Strict", one)

    def apply(self, one: Mapping[str, Any], *, dry_run: bool = False) -> Answer:
        """Server-side apply as one that owns the object, as the provider does; unknown fields are refused.

        A dry run answers the same, and nothing is stored.
        """
        options = {"fieldManager": "pulumi", "fieldValidation": "Strict", "force": "true"}
        asked = urlencode({**options, "dryRun": "All"} if dry_run else options)
        return self.request("PATCH", f"{self._place(one)}?{asked}", one, "application/apply-patch+yaml")

    def read(self, one: Mapping[str, Any]) -> Answer:
        """What is stored of an object."""
        return self.request("GET", self._place(one))

    def remove(self, one: Mapping[str, Any]) -> Answer:
        """Asks for the end of an object, and before it of what it owns: as the provider does, in the foreground."""
        return self.request("DELETE", self._place(one), {"propagationPolicy": "Foreground"})

    def set_status(self, one: Mapping[str, Any], status: Json) -> None:
        """Says what a kubelet would say."""
        self._done("PATCH", f"{self._place(one)}/status", {"status": status}, "application/merge-patch+json")

    def merge(self, one: Mapping[str, Any], change: Json) -> None:
        """Changes some fields."""
        self._done("PATCH", self._place(one), change, "application/merge-patch+json")

    def evict(self, pod: Mapping[str, Any]) -> Answer:
        """What a node that is drained asks for each of its pods."""
        names = {key: pod["metadata"][key] for key in ("name", "namespace")}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": names}
        return self.request("POST", f"{self._place(pod)}/eviction", body)

    def delete(self, one: Mapping[str, Any]) -> None:
        """At once, as if the kubelet had said that it is gone."""
        self._done("DELETE", f"{self._place(one)}?gracePeriodSeconds=0")

    def pods(self, namespace: str) -> list[Json]:
        """All of a namespace, by name."""
        found = self.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        typed = [{"apiVersion": "v1", "kind": "Pod", **one} for one in found]
        return sorted(typed, key=lambda one: one["metadata"]["name"])

    def until(self, what: str, true: Callable[[], bool]) -> None:
        """Waits for what a controller does.

        Raises:
            NotInTime: It does not.
        """
        end = time.monotonic() + WAIT_SECONDS
        while not true():
            if time.monotonic() > end:
                raise NotInTime(f"not within {WAIT_SECONDS} s: {what}")
            time.sleep(0.05)

    def _done(self, method: str, path: str, body: Any = None, content: str = "application/json") -> Json:
        answer = self.request(method, path, body, content)
        if answer.status >= 300:
            raise Refused(f"{method} {path}: {answer.status} {answer.message}")
        return answer.body

    def _place(self, one: Mapping[str, Any], *, named: bool = True) -> str:
        """The object's path, by what the server tells of its kind."""
        version, kind = one["apiVersion"], one["kind"]
        group = f"/apis/{version}" if "/" in version else f"/api/{version}"
        if (version, kind) not in self._places:
            for resource in self.request("GET", group).body.get("resources", ()):
                if "/" not in resource["name"]:
                    self._places[version, resource["kind"]] = resource["name"], resource["namespaced"]
        if (version, kind) not in self._places:
            raise Refused(f'no matches for kind "{kind}" in version "{version}"')
        plural, namespaced = self._places[version, kind]
        within = f"/namespaces/{one['metadata'].get('namespace', 'default')}" if namespaced else ""
        return f"{group}{within}/{plural}" + (f"/{one['metadata']['name']}" if named else "")
