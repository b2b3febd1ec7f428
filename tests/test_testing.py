"""`deploy()` shows what a program asks for, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
import logging.handlers
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.runtime import settings
from pulumi.runtime.config import is_config_secret
from pulumi.runtime.stack import Stack

from loadfit import testing
from loadfit.testing import UNKNOWN, Changes, Log, Resource, changes, deploy

VPC = "urn:pulumi:stack::project::aws:ec2/vpc:Vpc::main"
QUEUE = "cloud:index:Queue"
ZONES = "aws:index/getAvailabilityZones:getAvailabilityZones"

Group = pulumi.ComponentResource


def queue(name: str = "jobs", options: pulumi.ResourceOptions | None = None, **inputs: Any) -> Any:
    """A resource without a schema: its inputs are sent as they are."""
    return pulumi.CustomResource(QUEUE, name, inputs, options)


def group(name: str = "workers", options: pulumi.ResourceOptions | None = None, **props: Any) -> Group:
    return Group("demo:index:Group", name, props, options)


def fail(_: object) -> None:
    raise ZeroDivisionError


def network(zones: int = 2) -> None:
    vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16", tags={"team": "platform"})
    for zone in range(zones):
        aws.ec2.Subnet(f"zone-{zone}", vpc_id=vpc.id, cidr_block=f"10.0.{zone}.0/24")
    pulumi.export("vpc", vpc.id)


# What is recorded


def test_resources_are_recorded_as_the_engine_would_know_them() -> None:
    """URN, type, name, id and inputs in camelCase; what an input came from is a dependency, in total and by input."""
    deployment = deploy(network)
    vpc, subnet = deployment.resource("main"), deployment.resource("zone-1")
    assert (vpc.urn, vpc.type, vpc.id, vpc.custom, vpc.parent) == (VPC, "aws:ec2/vpc:Vpc", "main-id", True, None)
    assert vpc.inputs == {"cidrBlock": "10.0.0.0/16", "tags": {"team": "platform"}}
    assert subnet.inputs == {"vpcId": "main-id", "cidrBlock": "10.0.1.0/24"}
    assert subnet.dependencies == (VPC,)
    assert subnet.property_dependencies == {"vpcId": (VPC,)}
    assert deployment.outputs == {"vpc": "main-id"}


def test_urns_carry_the_whole_chain_of_parent_types_but_not_the_stack() -> None:
    def program() -> None:
        outer = Group("demo:index:Outer", "outer")
        inner = group("inner", pulumi.ResourceOptions(parent=outer))
        queue("jobs", pulumi.ResourceOptions(parent=inner))

    deployment = deploy(program, project="shop", stack="prod")
    outer, inner, jobs = (deployment.resource(name) for name in ("outer", "inner", "jobs"))
    assert outer.urn == "urn:pulumi:prod::shop::demo:index:Outer::outer"
    assert jobs.urn == "urn:pulumi:prod::shop::demo:index:Outer$demo:index:Group$cloud:index:Queue::jobs"
    assert (jobs.parent, inner.parent, outer.parent) == (inner.urn, outer.urn, None)
    assert (jobs.custom, inner.custom, inner.id) == (True, False, None)
    assert deployment.children() == (outer,)
    assert deployment.children(inner) == deployment.children(inner.urn) == (jobs,)


def test_options_are_recorded_with_what_is_inherited() -> None:
    def program() -> None:
        parent = group(options=pulumi.ResourceOptions(protect=True))
        first = queue("first")
        options = pulumi.ResourceOptions(
            parent=parent,
            depends_on=[first],
            retain_on_delete=True,
            delete_before_replace=False,
            ignore_changes=["size"],
            replace_on_changes=["name"],
            additional_secret_outputs=["token"],
            import_="q-1",
            custom_timeouts=pulumi.CustomTimeouts(create="10m"),
            aliases=["urn:pulumi:stack::project::cloud:index:Queue::old", pulumi.Alias(name="older")],
            deleted_with=parent,
            version="1.2.3",
            plugin_download_url="https://example.com",
        )
        queue("jobs", options)

    deployment = deploy(program)
    jobs, parent = deployment.resource("jobs"), deployment.resource("workers")
    assert jobs.dependencies == (deployment.resource("first").urn,)
    assert jobs.id == "q-1"
    assert jobs.options == testing.Options(
        protect=True,
        retain_on_delete=True,
        delete_before_replace=False,
        ignore_changes=("size",),
        replace_on_changes=("name",),
        additional_secret_outputs=("token",),
        import_id="q-1",
        custom_timeouts={"create": "10m"},
        aliases=("urn:pulumi:stack::project::cloud:index:Queue::old", {"name": "older"}),
        deleted_with=parent.urn,
        version="1.2.3",
        plugin_download_url="https://example.com",
    )
    assert deployment.resource("first").options == testing.Options()


@pytest.mark.parametrize("preview", [False, True])
def test_an_explicit_provider_is_recorded_by_its_urn(preview: bool) -> None:
    """In a preview the provider's id is unknown, and the reference must not show it."""

    def program() -> None:
        west = aws.Provider("west", region="us-west-2")
        parent = group(options=pulumi.ResourceOptions(providers=[west]))
        aws.ec2.Vpc("main", opts=pulumi.ResourceOptions(parent=parent))
        aws.ec2.Vpc("default")

    deployment = deploy(program, preview=preview)
    west = deployment.resource("west").urn
    assert west == "urn:pulumi:stack::project::pulumi:providers:aws::west"
    assert deployment.resource("main").provider == west
    assert deployment.resource("workers").providers == {"aws": west}
    assert deployment.resource("default").provider is None


def test_registered_outputs_are_recorded_and_their_absence_shows() -> None:
    def program() -> None:
        done = group("done", size=1)
        done.register_outputs({"size": 20, "wait": pulumi.Output.from_input(1.5), "token": pulumi.Output.secret("x")})
        group("empty").register_outputs({})
        group("forgotten")

    deployment = deploy(program)
    done = deployment.resource("done")
    assert (done.inputs, done.registered_outputs) == ({"size": 1}, {"size": 20, "wait": 1.5, "token": "x"})
    assert done.secret_outputs == {"token"}
    assert deployment.resource("empty").registered_outputs == {}
    assert deployment.resource("forgotten").registered_outputs is None


def test_secrets_are_unwrapped_and_named() -> None:
    def program() -> None:
        password = pulumi.Config().require_secret("password")
        queue(password=password, nested={"list": [{"token": password}]}, plain="p")
        pulumi.export("password", password)
        pulumi.export("plain", "p")

    deployment = deploy(program, config={"password": "hunter2"}, secrets=["password"])
    jobs = deployment.resource("jobs")
    assert jobs.inputs == {"password": "hunter2", "nested": {"list": [{"token": "hunter2"}]}, "plain": "p"}
    assert jobs.secret_inputs == {"password", "nested"}
    assert deployment.outputs == {"password": "hunter2", "plain": "p"}
    assert deployment.secret_outputs == {"password"}


def test_inputs_are_plain_python() -> None:
    """Whole numbers are integers, assets are their paths, resources are their URNs, and nothing reorders them."""

    def program() -> None:
        jobs = queue(z=1, a=2.5, flag=True, nothing={"inner": [None]}, code=pulumi.FileArchive("api"))
        group(queue=jobs)

    deployment = deploy(program)
    jobs = deployment.resource("jobs")
    assert (
        repr(jobs.inputs) == "{'a': 2.5, 'code': {'path': 'api'}, 'flag': True, 'nothing': {'inner': [None]}, 'z': 1}"
    )
    assert deployment.resource("workers").inputs == {"queue": jobs.urn}


def test_a_resource_that_is_looked_up_is_marked_and_keeps_its_id_in_a_preview() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc.get("shared", "vpc-1")
        pulumi.export("vpc", vpc.id)
        pulumi.export("arn", vpc.arn)
        pulumi.export("owner", vpc.owner_id)

    deployment = deploy(program, preview=True, state={"aws:ec2/vpc:Vpc": {"arn": "arn:aws:ec2:vpc-1"}})
    shared = deployment.resource("shared")
    assert (shared.read, shared.id) == (True, "vpc-1")
    assert deployment.outputs == {"vpc": "vpc-1", "arn": "arn:aws:ec2:vpc-1", "owner": UNKNOWN}


def test_a_resource_that_is_imported_exists_in_a_preview() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("main", opts=pulumi.ResourceOptions(import_="vpc-1"))
        pulumi.export("arn", vpc.arn)

    deployment = deploy(program, preview=True, state={"aws:ec2/vpc:Vpc": {"arn": "arn:aws:ec2:vpc-1"}})
    assert (deployment.resource("main").id, deployment.outputs) == ("vpc-1", {"arn": "arn:aws:ec2:vpc-1"})


def test_log_lines_carry_severity_and_urn_also_when_the_program_then_fails() -> None:
    def program() -> None:
        workers = group()
        pulumi.log.info("starting")
        pulumi.log.debug("detail")
        pulumi.log.warn("ports 85% used", resource=workers)
        raise pulumi.RunError("too small")

    logs = deploy(program, check=False).logs
    assert set(logs) == {
        Log(severity="info", message="starting", urn=None),
        Log(severity="warning", message="ports 85% used", urn="urn:pulumi:stack::project::demo:index:Group::workers"),
    }


def test_a_log_line_is_not_lost_when_a_registration_fails() -> None:
    """The SDK stops at the first failed registration, with the URN of other resources still on its way."""

    def program() -> None:
        queue("first")
        workers = group()
        pulumi.log.error("no more addresses", resource=workers)
        queue("last")

    def state(resource: Resource) -> None:
        time.sleep(0.005)
        if resource.name == "first":
            raise ValueError

    assert [log.message for log in deploy(program, state=state, check=False).logs] == ["no more addresses"]


def test_resources_are_registered_one_at_a_time() -> None:
    """So that the same program always gives the same order."""
    together, most = 0, 0

    def state(_: Resource) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        time.sleep(0.001)
        together -= 1

    def program() -> None:
        queue("last", pulumi.ResourceOptions(depends_on=[queue(f"{n}") for n in range(10)]))

    dependencies = deploy(program, state=state).resource("last").dependencies
    assert most == 1
    assert dependencies == tuple(f"urn:pulumi:stack::project::{QUEUE}::{n}" for n in range(10))


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    def program() -> None:
        queue().urn.apply(fail)
        pulumi.log.warn("a warning")

    deploy(program, check=False)
    gc.collect()
    assert capfd.readouterr() == ("", "")


# Outputs


def test_in_a_preview_what_is_not_an_input_is_unknown_and_apply_does_not_run() -> None:
    ran: list[str] = []

    def program() -> None:
        vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16")
        for output in (vpc.id, vpc.arn, vpc.cidr_block):
            output.apply(ran.append)
        subnet = aws.ec2.Subnet("zone", vpc_id=vpc.id, cidr_block=vpc.cidr_block, tags={"vpc": vpc.id})
        subnet.vpc_id.apply(ran.append)
        pulumi.export("ids", [vpc.id, subnet.id])
        pulumi.export("text", pulumi.Output.format("{0}-x", vpc.arn))
        group().register_outputs({"vpc": vpc.id})

    deployment = deploy(program, preview=True, state={"aws:ec2/vpc:Vpc": {"arn": "known only later"}})
    assert ran == ["10.0.0.0/16"]
    assert deployment.resource("main").id is UNKNOWN
    assert deployment.resource("zone").inputs == {
        "vpcId": UNKNOWN,
        "cidrBlock": "10.0.0.0/16",
        "tags": {"vpc": UNKNOWN},
    }
    assert deployment.outputs == {"ids": [UNKNOWN, UNKNOWN], "text": UNKNOWN}
    assert deployment.resource("workers").registered_outputs == {"vpc": UNKNOWN}


def test_without_preview_what_neither_inputs_nor_state_give_is_none() -> None:
    seen: list[object] = []

    def program() -> None:
        aws.ec2.Vpc("main").arn.apply(seen.append)

    deploy(program)
    deploy(program, state={"aws:ec2/vpc:Vpc": {"arn": "arn:aws:ec2:vpc-1"}})
    assert seen == [None, "arn:aws:ec2:vpc-1"]


def test_state_is_a_function_of_the_resource_or_values_by_type() -> None:
    def program() -> None:
        for name in ("a", "b"):
            address = aws.ec2.Eip(name, domain="vpc")
            pulumi.export(name, address.public_ip)
            pulumi.export(f"{name}-id", address.id)

    def state(resource: Resource) -> dict[str, Any] | None:
        return {"id": "eip-a", "publicIp": resource.inputs["domain"]} if resource.name == "a" else None

    by_function = deploy(program, state=state)
    assert by_function.outputs == {"a": "vpc", "a-id": "eip-a", "b-id": "b-id"}
    assert by_function.resource("a").id == "eip-a"
    assert deploy(program, state={"aws:ec2/eip:Eip": state}).outputs == by_function.outputs
    assert deploy(program, state={"aws:ec2/eip:Eip": {"publicIp": "192.0.2.1"}}).outputs["b"] == "192.0.2.1"


def test_state_can_hold_lists_mappings_and_unknowns() -> None:
    value = {"list": [1, 2.5, None, {"deep": True}], "later": "x"}

    def program() -> None:
        jobs = queue(details=None)
        pulumi.export("details", jobs.details)

    assert deploy(program, state={QUEUE: {"details": value}}).outputs == {"details": value}
    assert deploy(program, state={QUEUE: {"details": UNKNOWN}}).outputs == {"details": UNKNOWN}
    with pytest.raises(TypeError, match="plain values"):
        deploy(program, state={QUEUE: {"details": object()}})


def test_a_reference_to_a_resource_survives_the_round_trip() -> None:
    """A program gets a resource back, not its URN, where a component's input is a resource."""

    def program() -> None:
        vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16")
        parent = Network("network", {"vpc": vpc})
        pulumi.export("cidr", parent.vpc.cidr_block)

    class Network(Group):
        vpc: pulumi.Output[aws.ec2.Vpc]

        def __init__(self, name: str, props: dict[str, Any]) -> None:
            super().__init__("demo:index:Network", name, props)

    assert deploy(program).outputs == {"cidr": "10.0.0.0/16"}


# Configuration


def test_configuration_arrives_as_from_a_stack_file() -> None:
    load = {"zones": 3, "share": 0.25, "flows": [{"to": "api", "held": True}]}
    seen: dict[str, Any] = {}

    def program() -> None:
        own, other = pulumi.Config(), pulumi.Config("x")
        seen.update(
            own=own.require_object("load"),
            other=other.require_object("load"),
            number=own.require_int("number"),
            flag=own.require_bool("flag"),
            text=own.require("text"),
            region=pulumi.Config("aws").require("region"),
            absent=own.get("absent"),
            sent=own.require("load"),
            secret=[key for key in ("project:text", "shop:text", "x:load") if is_config_secret(key)],
        )

    values = {"load": load, "x:load": [1], "number": 7, "flag": True, "text": "7", "aws:region": "us-east-1"}
    deploy(program, config=values, secrets=["text"], project="shop")
    assert seen == {
        "own": load,
        "other": [1],
        "number": 7,
        "flag": True,
        "text": "7",
        "region": "us-east-1",
        "absent": None,
        "sent": '{"flows":[{"held":true,"to":"api"}],"share":0.25,"zones":3}',
        "secret": ["shop:text"],
    }


def test_a_mistake_in_the_configuration_names_the_key() -> None:
    with pytest.raises(TypeError, match=r"config 'load': .*object"):
        deploy(network, config={"load": object()})
    with pytest.raises(ValueError, match=r"secrets: project:passwrod not in config"):
        deploy(network, config={"password": "x"}, secrets="passwrod")


def test_the_program_sees_its_names_and_mode() -> None:
    def program() -> None:
        pulumi.export("organization", pulumi.get_organization())
        pulumi.export("stack", f"{pulumi.get_project()}/{pulumi.get_stack()}")
        pulumi.export("preview", pulumi.runtime.is_dry_run())
        pulumi.export("root", pulumi.runtime.get_root_directory())

    deployment = deploy(program, preview=True, project="p", stack="s", organization="o", root_directory=Path("/srv"))
    assert deployment.outputs == {"organization": "o", "stack": "p/s", "preview": True, "root": "/srv"}
    assert deploy(program).outputs["root"] == str(Path.cwd())


# Calls


def test_a_declared_call_is_answered_in_both_forms() -> None:
    def program() -> None:
        pulumi.export("plain", aws.get_availability_zones(state="available").names)
        pulumi.export("output", aws.get_availability_zones_output(state="available").names)

    names = ["us-east-1a", "us-east-1b"]
    assert deploy(program, calls={ZONES: {"names": names}}).outputs == {"plain": names, "output": names}
    by_function = deploy(program, calls={ZONES: lambda arguments: {"names": [arguments["state"]]}})
    assert by_function.outputs == {"plain": ["available"], "output": ["available"]}


@pytest.mark.parametrize("call", [aws.get_availability_zones, aws.get_availability_zones_output])
def test_an_undeclared_call_is_refused_by_name(call: Callable[[], object]) -> None:
    with pytest.raises(LookupError, match=rf"{ZONES} is not declared.*; declared: other:index:f"):
        deploy(call, calls={"other:index:f": {}})


def test_a_call_with_unknown_arguments_is_not_made_in_a_preview() -> None:
    def program() -> None:
        vpc = aws.ec2.Vpc("main")
        pulumi.export("cidr", aws.ec2.get_vpc_output(id=vpc.id).cidr_block)

    assert deploy(program, preview=True).outputs == {"cidr": UNKNOWN}
    with pytest.raises(LookupError):
        deploy(program)


def test_a_method_of_a_resource_is_a_call() -> None:
    def program() -> None:
        workers = group()
        pulumi.export("kubeconfig", pulumi.runtime.call("demo:index:Group/kubeconfig", {"__self__": workers}, workers))

    def kubeconfig(arguments: Mapping[str, Any]) -> dict[str, Any]:
        return {"of": arguments["__self__"]}

    assert deploy(program, calls={"demo:index:Group/kubeconfig": kubeconfig}).outputs == {
        "kubeconfig": {"of": "urn:pulumi:stack::project::demo:index:Group::workers"}
    }


# Failures


def test_what_the_program_raises_is_raised() -> None:
    def program() -> None:
        queue()
        raise pulumi.RunError("too small")

    with pytest.raises(pulumi.RunError, match="too small"):
        deploy(program)
    deployment = deploy(program, check=False)
    assert isinstance(deployment.error, pulumi.RunError)
    assert [r.name for r in deployment.resources] == ["jobs"]
    assert deploy(network, check=False).error is None


def test_an_exception_in_an_apply_fails_the_run() -> None:
    def program() -> None:
        queue(size=0).size.apply(fail)

    with pytest.raises(ZeroDivisionError):
        deploy(program)


def test_an_exception_in_a_coroutine_fails_the_run_and_its_resources_are_seen() -> None:
    async def program() -> None:
        queue()
        await asyncio.sleep(0)
        queue("more")
        raise ValueError("late")

    deployment = deploy(program, check=False)
    assert isinstance(deployment.error, ValueError)
    assert {r.name for r in deployment.resources} == {"jobs", "more"}


def test_a_duplicate_urn_is_refused() -> None:
    def twice(first: Callable[[], object], second: Callable[[], object]) -> None:
        first()
        second()

    urn = f"urn:pulumi:stack::project::{QUEUE}::jobs"
    with pytest.raises(pulumi.RunError, match=f"Duplicate resource URN '{urn}'; try giving it a unique name"):
        deploy(lambda: twice(queue, queue))
    with pytest.raises(pulumi.RunError, match="Duplicate resource URN"):
        deploy(lambda: twice(lambda: aws.ec2.Vpc("main"), lambda: aws.ec2.Vpc.get("main", "vpc-1")))
    below = deploy(lambda: twice(queue, lambda: queue("jobs", pulumi.ResourceOptions(parent=group()))))
    assert len(below.of_type(QUEUE)) == 2


def test_transforms_are_refused_rather_than_left_out() -> None:
    def transform(args: pulumi.ResourceTransformArgs) -> None:
        return None

    def registered() -> None:
        pulumi.runtime.register_resource_transform(transform)

    for program in (registered, lambda: queue("jobs", pulumi.ResourceOptions(transforms=[transform]))):
        with pytest.raises(NotImplementedError, match="does not run transforms"):
            deploy(program)


def test_a_running_event_loop_is_refused_with_the_way_out() -> None:
    async def caller() -> testing.Deployment:
        with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
            deploy(network)
        return await asyncio.to_thread(deploy, network)

    assert asyncio.run(caller()).resource("main")


# Isolation


def test_runs_do_not_see_each_other() -> None:
    """The same names again, after success, after failure, with other settings: always the same result."""
    first = deploy(network)

    def failing() -> None:
        network()
        pulumi.export("left", "over")
        queue().urn.apply(fail)

    for _ in range(2):
        deploy(failing, check=False, preview=True, config={"load": {}}, project="other")
        assert deploy(network) == first
    assert deploy(lambda: pulumi.export("load", pulumi.Config().get("load"))).outputs == {}


def test_runs_in_threads_do_not_see_each_other() -> None:
    results: dict[int, testing.Deployment] = {}

    def run(zones: int) -> None:
        results[zones] = deploy(lambda: network(zones), stack=f"s{zones}")

    threads = [threading.Thread(target=run, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: len(results[n].of_type("aws:ec2/subnet:Subnet")) for n in range(6)} == {n: n for n in range(6)}
    assert all(r.urn.startswith(f"urn:pulumi:s{n}::") for n in range(6) for r in results[n].resources)


def test_the_callers_settings_are_untouched() -> None:
    """Nor does code in a fresh context see the monitor of the last run."""
    before = (settings.get_project(), settings.get_root_resource(), settings.get_monitor())
    deploy(network, project="shop")
    assert (settings.get_project(), settings.get_root_resource(), settings.get_monitor()) == before
    assert contextvars.Context().run(settings.get_monitor) is None
    assert contextvars.Context().run(settings.get_project) == "project"


def test_the_callers_event_loop_is_untouched() -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        deploy(network)
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def test_a_program_does_not_see_the_callers_stack() -> None:
    """As where the caller has used the SDK's own mocks."""

    def caller() -> testing.Deployment:
        settings.set_root_resource(Stack.__new__(Stack))
        return deploy(network)

    assert contextvars.copy_context().run(caller) == deploy(network)


def test_a_failed_future_is_never_reported_even_when_it_is_collected_later() -> None:
    """On Python 3.11 such a report, if it comes inside pytest's `ast.parse`, ends the whole test run."""
    tasks: list[asyncio.Future[None]] = []
    handler = logging.handlers.BufferingHandler(capacity=1000)
    logging.getLogger("asyncio").addHandler(handler)

    def program() -> None:
        failing = queue("a", size=0).size.apply(fail)
        queue("b", size=failing).size.apply(print)
        tasks.append(asyncio.ensure_future(asyncio.sleep(3600)))
        raise ValueError

    try:
        deployment = deploy(program, check=False)
        del deployment
        tasks.clear()
        gc.collect()
    finally:
        logging.getLogger("asyncio").removeHandler(handler)
    assert handler.buffer == []


MANY_RUNS = """
import asyncio, gc, json, threading, tracemalloc
import pulumi
from loadfit.testing import deploy

def program():
    parent = pulumi.ComponentResource("demo:index:Group", "parent")
    jobs = pulumi.CustomResource("cloud:index:Queue", "jobs", {"size": 1}, pulumi.ResourceOptions(parent=parent))
    jobs.urn.apply(str)
    parent.register_outputs({"jobs": jobs.id})
    if fails:
        raise ValueError

def size():
    gc.collect()
    return tracemalloc.get_traced_memory()[0]

fails = False
for _ in range(10):
    deploy(program)
threads = threading.active_count()
tracemalloc.start()
sizes = []
for run in range(200):
    if run % 100 == 0:
        sizes.append(size())
    fails = bool(run % 2)
    deploy(program, check=False, preview=bool(run % 3))
sizes.append(size())
open_loops = [o for o in gc.get_objects() if isinstance(o, asyncio.AbstractEventLoop) and not o.is_closed()]
print(json.dumps({"sizes": sizes, "threads": threading.active_count() - threads, "open_loops": len(open_loops)}))
"""


def test_many_runs_leave_no_threads_loops_or_memory() -> None:
    # In a process of its own, without coverage's tracer, whose memory would count as the runs'.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    done = subprocess.run(
        [sys.executable, "-c", MANY_RUNS], capture_output=True, text=True, check=True, env=environment, timeout=120
    )
    left = json.loads(done.stdout)
    assert left["threads"] == 0
    assert left["open_loops"] == 0
    assert left["sizes"][2] - left["sizes"][1] < 100 * 1024, f"more than 1 KiB for each run is kept: {left['sizes']}"


# Programs in folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: shop")
    program = tmp_path / "program"
    program.mkdir()
    (program / "parts").mkdir()
    (program / "parts" / "__init__.py").write_text("")
    (program / "parts" / "queues.py").write_text(
        "import pathlib, pulumi\ntext = pathlib.Path('size.txt').read_text()\n"
        f"jobs = pulumi.CustomResource({QUEUE!r}, 'jobs', {{'text': text}})\n"
    )
    (program / "size.txt").write_text("10")
    (program / "bare").mkdir()  # a package without __init__.py
    (program / "bare" / "part.py").write_text("")
    (program / "__main__.py").write_text(
        "import bare.part, pulumi\nfrom parts.queues import jobs\n"
        "def late(_):\n    import lazily\n    return lazily.VALUE\n"
        "pulumi.export('late', jobs.urn.apply(late))\n"
        "pulumi.export('root', pulumi.runtime.get_root_directory())\n"
    )
    (program / "lazily.py").write_text("VALUE = 1\n")
    return program


def test_a_folder_run_twice_gives_the_same_resources(folder: Path) -> None:
    """Its modules register again, files are found from its folder, and an import in an `apply` works."""
    first = deploy(folder)
    assert first.resource("jobs").inputs == {"text": "10"}
    assert first.outputs == {"late": 1, "root": str(folder.parent)}
    assert not {"bare", "bare.part", "parts", "lazily"} & set(sys.modules)
    assert deploy(folder) == first
    assert deploy(str(folder / "__main__.py")) == first


def test_a_folder_leaves_no_trace(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it fails; and a module of the same name that the caller has imported is the caller's again."""
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.chdir(folder.parent)
    import lazily  # pyright: ignore[reportMissingImports] - it is in the temporary folder

    (folder / "__main__.py").write_text(
        "import sys, lazily, parts, bare.part\nsys.path.append('/left')\nraise ValueError(lazily)"
    )
    before = (list(sys.path), str(Path.cwd()), set(sys.modules), sys.modules["__main__"])
    error = deploy(folder, check=False).error
    assert isinstance(error, ValueError)
    assert error.args[0] is not lazily
    assert sys.modules["lazily"] is lazily
    assert (list(sys.path), str(Path.cwd()), set(sys.modules), sys.modules["__main__"]) == before
    del sys.modules["lazily"]


def test_a_folders_modules_win_over_others_of_the_same_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a test has imported the `network` of one stack and runs another stack."""
    others = {name: ModuleType(name) for name in ("lazily", "parts", "parts.queues")}
    for name, module in others.items():
        monkeypatch.setitem(sys.modules, name, module)
    deployment = deploy(folder)
    assert deployment.outputs["late"] == 1
    assert deployment.resource("jobs").inputs == {"text": "10"}
    assert {name: sys.modules[name] for name in others} == others


def test_a_folder_never_replaces_a_module_of_the_standard_library(folder: Path) -> None:
    """It would not under the CLI either, which has imported them before."""
    (folder / "logging.py").write_text("raise AssertionError")
    (folder / "__main__.py").write_text("import logging, pulumi\npulumi.export('id', id(logging))\n")
    assert deploy(folder).outputs == {"id": id(logging)}


def test_a_script_in_the_programs_folder_can_run_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own `__main__` module stays where it is."""
    script = ModuleType("__main__")
    script.__file__ = str(folder / "try_it.py")
    monkeypatch.setitem(sys.modules, "__main__", script)
    (folder / "lazily.py").write_text("import sys\nVALUE = sys.modules['__main__'].__file__\n")
    assert deploy(folder).outputs["late"] == script.__file__


def test_a_folder_with_a_virtual_environment_keeps_the_installed_packages(folder: Path) -> None:
    """Only what is found through the folder itself is imported anew."""
    package = folder / ".venv" / "lib" / "site-packages" / "installed"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (folder / "__main__.py").write_text(
        "import sys; sys.path.append('.venv/lib/site-packages'); import installed, pulumi\n"
        "pulumi.export('aws', id(sys.modules['pulumi_aws']))"
    )
    try:
        assert deploy(folder).outputs == {"aws": id(aws)}
        assert "installed" in sys.modules
    finally:
        sys.modules.pop("installed", None)


def test_a_path_that_is_no_program_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", tmp_path / "absent.py"):
        with pytest.raises(FileNotFoundError, match=r"neither a folder with a __main__\.py nor a \.py file"):
            deploy(path)


# Looking up and comparing


def test_a_lookup_gives_exactly_one_resource_or_says_what_there_is() -> None:
    def program() -> None:
        queue()
        group("jobs")
        group("workers")

    deployment = deploy(program)
    with pytest.raises(LookupError, match=r"2 resources 'jobs': .*Queue::jobs, .*Group::jobs; ask for one by type"):
        deployment.resource("jobs")
    assert deployment.resource("jobs", QUEUE).type == QUEUE
    assert deployment.resource(f"urn:pulumi:stack::project::{QUEUE}::jobs").type == QUEUE
    with pytest.raises(LookupError, match=r"no resource 'wokers'; nearest: 'workers' \(demo:index:Group\)"):
        deployment.resource("wokers")
    with pytest.raises(LookupError, match="no resource 'workers' of type x:y:Z; nearest: 'workers'"):
        deployment.resource("workers", "x:y:Z")
    with pytest.raises(LookupError, match="there is none at all"):
        deploy(lambda: None).resource("jobs")
    with pytest.raises(FrozenInstanceError):
        deployment.resource("workers").name = "other"  # pyright: ignore[reportAttributeAccessIssue] - that is the test


def test_adding_a_zone_changes_and_replaces_nothing() -> None:
    for preview in (False, True):
        before, after = deploy(lambda: network(2), preview=preview), deploy(lambda: network(3), preview=preview)
        added = after.resource("zone-2").urn
        assert changes(before, after) == Changes(created=(added,), deleted=(), changed={}, options={})
        assert changes(after, before) == Changes(created=(), deleted=(added,), changed={}, options={})


def test_changes_name_the_inputs_and_options_that_differ() -> None:
    def program(opts: pulumi.ResourceOptions | None = None, **inputs: Any) -> None:
        west = aws.Provider("west")
        queue("jobs", opts, **inputs)
        aws.ec2.Vpc("main", opts=pulumi.ResourceOptions(provider=west if inputs else None))

    before = deploy(program)
    after = deploy(lambda: program(pulumi.ResourceOptions(protect=True), size=1, tags={"a": "b"}))
    jobs = after.resource("jobs").urn
    assert changes(before, after) == Changes(
        created=(),
        deleted=(),
        changed={jobs: frozenset({"size", "tags"})},
        options={jobs: frozenset({"protect"}), VPC: frozenset({"provider"})},
    )
    assert changes(after, before).changed == {jobs: frozenset({"size", "tags"})}


@pytest.mark.parametrize(
    ("ignored", "before", "after", "changed"),
    [
        ([], {"size": 1}, {"size": 2}, {"size"}),
        (["size"], {"size": 1}, {"size": 2}, set[str]()),
        (["size"], {"size": 1, "name": "a"}, {"size": 2, "name": "b"}, {"name"}),
        (["size"], {"size": 1}, {}, set[str]()),
        (["size"], {}, {"size": 2}, set[str]()),
        (["tags.team"], {"tags": {"team": "a"}}, {"tags": {"team": "b"}}, set[str]()),
        (["tags.team"], {"tags": {"team": "a"}}, {"tags": {}}, set[str]()),
        (["tags.team"], {"tags": {}}, {"tags": {"team": "b"}}, set[str]()),
        (["tags.team"], {"tags": {"team": "a", "cost": 1}}, {"tags": {"team": "b", "cost": 2}}, {"tags"}),
        (["rules[0].port"], {"rules": [{"port": 1}]}, {"rules": [{"port": 2}]}, set[str]()),
        (["rules[0].port"], {"rules": [{"port": 1}, {"port": 1}]}, {"rules": [{"port": 2}, {"port": 2}]}, {"rules"}),
        (["rules[*].port"], {"rules": [{"port": 1}, {"port": 1}]}, {"rules": [{"port": 2}, {"port": 2}]}, set[str]()),
        (["rules[*].port"], {"rules": [{"port": 1}]}, {"rules": [{"port": 2}, {"port": 2}]}, {"rules"}),
        (["tags.*"], {"tags": {"team": "a"}}, {"tags": {"team": "b", "cost": 2}}, set[str]()),
        (["*"], {"size": 1}, {"size": 2, "name": "b"}, set[str]()),
        (["absent.port"], {"size": 1}, {"size": 2}, {"size"}),
        (["size.port"], {"size": 1}, {"size": 2}, {"size"}),
    ],
)
def test_what_the_new_resource_ignores_has_not_changed(
    ignored: list[str], before: dict[str, Any], after: dict[str, Any], changed: set[str]
) -> None:
    """As for the engine, which puts the old value in the place of the new one."""

    def of(inputs: dict[str, Any], paths: list[str]) -> testing.Deployment:
        options = pulumi.ResourceOptions(ignore_changes=paths)
        return deploy(lambda: pulumi.CustomResource(QUEUE, "jobs", inputs, options))

    difference = changes(of(before, []), of(after, ignored))
    assert set().union(*difference.changed.values()) == changed


def test_what_only_the_old_resource_ignored_has_changed() -> None:
    def of(size: int, **options: Any) -> testing.Deployment:
        return deploy(lambda: queue("jobs", pulumi.ResourceOptions(**options), size=size))

    after = of(2)
    assert changes(of(1, ignore_changes=["size"]), after).changed == {after.resource("jobs").urn: frozenset({"size"})}


# The module


def test_importing_the_module_loads_no_provider() -> None:
    program = "import loadfit.testing, sys; print([m for m in sys.modules if m.startswith('pulumi_')])"
    path = os.pathsep.join(filter(None, [str(Path(testing.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "[]"
