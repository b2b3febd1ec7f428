"""The reference project: its program, and what `loadfit preview` shows of it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadfit import InvalidInputs
from loadfit.cli.__main__ import main
from loadfit.projects import SECRET_PLACEHOLDER, find_project
from loadfit.testing import Deployment, changes, deploy

ROOT = Path(__file__).parents[1]
STACKS = ROOT / "stacks"
ZONES = ["use1-az1", "use1-az2", "use1-az4"]
GATEWAY = "aws:ec2/natGateway:NatGateway"
SUBNET = "aws:ec2/subnet:Subnet"


def document(zones: int = 3, pods: int = 200) -> dict[str, Any]:
    flow = {"from": "checkout", "to": "api.stripe.com:443", "connections_per_pod": 300}
    return {
        "region": "us-east-1",
        "zones": zones,
        "workloads": {"checkout": {"pods": pods}},
        "egress": {"flows": [flow]},
    }


def deployed(stack: str = "prod", **config: Any) -> Deployment:
    """A stack of the reference project, with other values for some keys of the `loadfit` namespace."""
    declared = find_project(ROOT).stack(stack).config
    values = {**declared, **{f"loadfit:{key}": value for key, value in config.items()}}
    kept = {key: value for key, value in values.items() if value is not None}
    return deploy(STACKS, config=kept, project="loadfit", stack=stack, check=False)


def refusal(stack: str = "prod", **config: Any) -> str:
    deployment = deployed(stack, **config)
    assert isinstance(deployment.error, InvalidInputs), deployment.error
    assert deployment.resources == ()
    return str(deployment.error)


@pytest.fixture(scope="module")
def prod() -> Deployment:
    deployment = deployed("prod")
    assert deployment.error is None, deployment.error
    return deployment


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadfit.cli", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


class TestProgram:
    def test_there_is_one_gateway_in_each_zone(self, prod: Deployment) -> None:
        assert {one.name: one.inputs["subnetId"] for one in prod.of_type(GATEWAY)} == {
            f"egress-{zone}-gateway": f"public-{zone}-id" for zone in ZONES
        }
        for zone in ZONES:
            association = prod.resource(f"egress-{zone}-subnet-0").inputs
            assert association["subnetId"] == f"private-{zone}-id"

    def test_everything_waits_for_its_network(self, prod: Deployment) -> None:
        internet = prod.resource("internet").urn
        for one in prod.of_type(GATEWAY):
            assert internet in one.dependencies
            assert one.property_dependencies["subnetId"]

    def test_every_resource_is_tagged_and_in_the_region_of_the_load(self, prod: Deployment) -> None:
        for one in prod.resources:
            if one.custom:
                assert one.inputs["region"] == "us-east-1", one.name
            if "tags" in one.inputs:
                assert one.inputs["tags"].items() >= {"project": "loadfit", "stack": "prod", "Name": one.name}.items()

    def test_subnets_do_not_overlap_and_lie_in_the_vpc(self, prod: Deployment) -> None:
        from ipaddress import IPv4Network
        from itertools import combinations

        blocks = [IPv4Network(one.inputs["cidrBlock"]) for one in prod.of_type(SUBNET)]
        vpc = IPv4Network(prod.resource("network").inputs["cidrBlock"])
        assert len(blocks) == 6
        assert all(block.subnet_of(vpc) for block in blocks)
        assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))

    def test_fifteen_zones_have_room_and_no_more(self) -> None:
        """A sixteenth zone's private block would lie over the public ones."""
        from ipaddress import IPv4Network
        from itertools import combinations

        zones = [f"use1-az{number}" for number in range(1, 17)]
        quotas = {"quota_addresses_per_region": 20}
        load = document(15)
        load["egress"].update(quotas)
        full = deployed(load=load, zones=zones[:15])
        assert full.error is None
        blocks = [IPv4Network(one.inputs["cidrBlock"]) for one in full.of_type(SUBNET)]
        assert not any(one.overlaps(other) for one, other in combinations(blocks, 2))
        load["zones"] = 16
        assert "loadfit:zones: expected at most 15, found 16" in refusal(load=load, zones=zones)

    def test_running_it_twice_in_one_process_gives_the_same(self, prod: Deployment) -> None:
        again = deployed("prod")
        assert again == prod
        difference = changes(prod, again)
        assert (difference.created, difference.deleted, difference.changed) == ((), (), {})

    def test_a_zone_that_is_appended_moves_nothing(self, prod: Deployment) -> None:
        load = document(4)
        after = deployed(load=load, zones=[*ZONES, "use1-az6"])
        difference = changes(prod, after)
        assert difference.deleted == ()
        network = {urn for urn in difference.changed if "MultiAzNatEgress" not in urn}
        assert network == set()

    def test_the_load_may_stand_in_the_stack_itself(self, prod: Deployment) -> None:
        difference = changes(prod, deployed(load=document()))
        assert (difference.created, difference.deleted, difference.changed) == ((), (), {})

    def test_the_incident_is_refused_before_anything_is_registered(self) -> None:
        text = refusal("incident")
        assert "NAT_PORTS_SHORT at egress.flows[0].to" in text
        assert "Traceback" not in text

    @pytest.mark.parametrize(
        ("zones", "found"),
        [
            (ZONES[:2], "found 2 (use1-az1, use1-az2)"),
            (["use1-az1", "use1-az1", "use1-az2"], "found 3 (use1-az1, use1-az1, use1-az2)"),
            ([], "found 0 (none)"),
            (None, "found 0 (none)"),
            ({"use1-az1": 1, "use1-az2": 2, "use1-az4": 3}, "found 0 (none)"),
            ([1, 2], "found 2 (1, 2)"),
            (["us-east-1a", "us-east-1b", "us-east-1c"], "expected zone ids, such as use1-az1, found us-east-1a"),
            ([1, 2, 3], "expected zone ids, such as use1-az1, found 1, 2, 3"),
        ],
    )
    def test_zones_that_do_not_go_with_the_load_are_refused(self, zones: Any, found: str) -> None:
        text = refusal(zones=zones)
        assert text.startswith("loadfit:zones: expected ")
        assert found in text

    @pytest.mark.parametrize("zone", ["cac1-az4", "usgw1-az1", "usw2-lax1-az1", "apse2-az1"])
    def test_zone_ids_of_other_regions_and_local_zones_are_taken(self, zone: str) -> None:
        deployment = deployed(zones=[zone, "use1-az1", "use1-az2"])
        assert deployment.error is None


class TestExistingNetwork:
    NETWORK: dict[str, Any] = {  # noqa: RUF012
        "vpc_id": "vpc-0a1b",
        "zones": {
            zone: {
                "public_subnet_id": f"subnet-{zone}-public",
                "private_subnet_ids": [f"subnet-{zone}-private"],
                "route_table_id": f"rtb-{zone}",
            }
            for zone in ZONES
        },
    }

    def test_nothing_of_it_is_made(self) -> None:
        deployment = deployed(network=self.NETWORK, zones=None)
        assert deployment.error is None
        assert {one.parent for one in deployment.resources} == {None, deployment.resource("egress").urn}
        assert {one.name for one in deployment.children()} == {"egress"}
        for zone in ZONES:
            assert deployment.resource(f"egress-{zone}-default-route").inputs["routeTableId"] == f"rtb-{zone}"
        assert deployment.outputs["vpc_id"] == "vpc-0a1b"

    def test_its_zones_are_as_many_as_the_load_declares(self) -> None:
        zones = {zone: self.NETWORK["zones"][zone] for zone in ZONES[:2]}
        text = refusal(network={**self.NETWORK, "zones": zones})
        assert "MultiAzNatEgress 'egress': zones: expected 3, as the load says, found 2" in text

    def test_what_is_missing_or_unknown_is_told_by_its_place(self) -> None:
        text = refusal(network={"zones": {"use1-az1": {"public_subnet": "subnet-1"}}})
        assert text.startswith("loadfit:network: ")
        for place in ("vpc_id", "zones.use1-az1.public_subnet_id", "zones.use1-az1.public_subnet:"):
            assert place in text


class TestPreviewCommand:
    def test_prod_shows_resources_sizes_and_cost(self) -> None:
        """The numbers of the case study, from the command that a user runs."""
        done = command("preview", "prod")
        assert (done.returncode, done.stderr) == (0, "")
        for shown in ("60,000", "75,000", "165,000", "110,000", "36,000 of 55,000", "65%", "$109.50", "+$73.00"):
            assert shown in done.stdout, shown
        assert "Resources of stack prod: 53 to create, 0 read" in done.stdout
        for zone in ZONES:
            assert f"aws:ec2:NatGateway  egress-{zone}-gateway" in done.stdout
        assert "stack prod: fits" in done.stdout
        assert "allow_list: known after deployment" in done.stdout

    def test_incident_says_why_it_cannot_be_and_what_to_do(self) -> None:
        done = command("preview", "incident")
        assert done.returncode == 1
        for shown in ("NAT_PORTS_SHORT", "176", "+$3.65", "+$73.00", "nothing would be created", "does not fit"):
            assert shown in done.stdout, shown
        assert "Traceback" not in done.stdout + done.stderr
        assert done.stdout.count("error NAT_PORTS_SHORT") == 1, "told once, by the report"
        assert done.stderr == ""

    def test_an_unknown_stack_is_told_with_the_nearest(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "prd", "--cwd", str(ROOT)]) == 2
        assert 'expected the name of a stack (incident, prod), found the text "prd". Did you mean prod?' in (
            capsys.readouterr().err
        )

    def test_no_stack_where_there_are_several(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "--cwd", str(STACKS)]) == 2
        assert "expected the name of a stack (incident, prod), found none given" in capsys.readouterr().err

    def test_no_project(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["preview", "--cwd", str(tmp_path)]) == 2
        assert "expected a Pulumi project, found no Pulumi.yaml" in capsys.readouterr().err


class TestPreviewOfOtherProjects:
    """Copies of the reference project, and programs of one line, in a folder of their own."""

    def project(
        self, folder: Path, config: dict[str, Any], program: str | None = None, defaults: dict[str, Any] | None = None
    ) -> None:
        described = {"name": "loadfit", "runtime": "python", "main": "stacks/", "stackConfigDir": "stacks"}
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump({**described, "config": defaults or {}}))
        (folder / "stacks").mkdir()
        if program is None:
            for file in STACKS.glob("*.py"):
                shutil.copy(file, folder / "stacks")
        else:
            (folder / "stacks" / "__main__.py").write_text(program)
        (folder / "stacks" / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))

    def preview(self, folder: Path) -> int:
        return main(["preview", "--cwd", str(folder)])

    def test_the_load_may_be_inline(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.project(tmp_path, {"loadfit:load": document(), "loadfit:zones": ZONES})
        assert self.preview(tmp_path) == 0
        assert "36,000 of 55,000" in capsys.readouterr().out

    def test_the_load_may_be_the_projects(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """One load for every stack, as a default in Pulumi.yaml."""
        defaults = {"loadfit:load": {"type": "object", "default": document()}}
        self.project(tmp_path, {"loadfit:zones": ZONES}, defaults=defaults)
        assert self.preview(tmp_path) == 0
        assert "36,000 of 55,000" in capsys.readouterr().out

    def test_a_load_that_is_none_is_told_before_the_program_runs(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.project(tmp_path, {"loadfit:load": {"zones": 3}}, "raise SystemExit('the program ran')")
        assert self.preview(tmp_path) == 2
        err = capsys.readouterr().err
        assert f"{tmp_path}/stacks/Pulumi.dev.yaml:2: region: expected" in err
        assert "the program ran" not in err

    def test_wrong_zones_fail_the_preview_with_the_reason(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.project(tmp_path, {"loadfit:load": document(), "loadfit:zones": ZONES[:2]})
        assert self.preview(tmp_path) == 1
        shown = capsys.readouterr()
        assert "error: loadfit:zones: expected 3 different zone ids" in shown.err
        assert "Traceback" not in shown.out + shown.err

    def test_secrets_are_placeholders_that_stay_secret(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing is decrypted: the program sees a placeholder, marked secret, and so does whatever it passes on."""
        program = (
            "import pulumi\n"
            "config = pulumi.Config()\n"
            "pulumi.export('password', config.require_secret('password'))\n"
            "pulumi.export('length', config.require_secret('password').apply(len))\n"
            "pulumi.export('database', config.require_secret_object('database'))\n"
            "pulumi.export('host', config.require_object('database')['host'])\n"
            f"assert config.require('password') == {SECRET_PLACEHOLDER!r}\n"
        )
        secure = {"secure": "v1:AAAAciphertext"}
        config = {"loadfit:password": secure, "loadfit:database": {"host": "db", "password": secure}}
        self.project(tmp_path, config, program)
        assert self.preview(tmp_path) == 0
        out = capsys.readouterr().out
        for name in ("password", "length", "database"):
            assert re.search(rf"^  {name}: \[secret\]$", out, re.MULTILINE), name
        assert "host: db" in out
        assert "ciphertext" not in out

    def test_a_program_without_a_load_is_shown_too(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.project(tmp_path, {}, "import pulumi\npulumi.ComponentResource('demo:index:Group', 'workers')\n")
        assert self.preview(tmp_path) == 0
        assert capsys.readouterr().out == (
            "Resources of stack dev: 1 to create, 0 read\n  └─ demo:index:Group  workers\n"
        )

    def test_a_mistake_in_the_program_is_told_with_its_line(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.project(tmp_path, {}, "import pulumi\n\nnothing = 1 / 0\n")
        assert self.preview(tmp_path) == 1
        err = capsys.readouterr().err
        assert "error: the program failed: ZeroDivisionError: division by zero" in err
        assert "__main__.py:3" in err


class TestWhatAnotherProgramDoes:
    """`loadfit preview` on programs that are not the reference stack."""

    @staticmethod
    def previewed(folder: Path, program: str, stack: str = "config: {}\n") -> subprocess.CompletedProcess[str]:
        (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
        (folder / "Pulumi.dev.yaml").write_text(stack)
        (folder / "__main__.py").write_text(program)
        return subprocess.run(
            [sys.executable, "-m", "loadfit.cli", "preview", "--cwd", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_a_call_to_a_provider_is_named_with_the_way_out(self, tmp_path: Path) -> None:
        done = self.previewed(tmp_path, "import pulumi_aws as aws\naws.get_availability_zones()\n")
        assert done.returncode == 1
        assert "aws:index/getAvailabilityZones:getAvailabilityZones" in done.stderr
        assert "nothing is contacted" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_program_that_ends_itself_has_failed(self, tmp_path: Path) -> None:
        done = self.previewed(tmp_path, "raise SystemExit(3)\n")
        assert done.returncode == 2
        assert "ended itself (3)" in done.stderr

    def test_environments_are_said_not_to_be_read(self, tmp_path: Path) -> None:
        done = self.previewed(tmp_path, "", stack="environment: [shared]\n")
        assert done.returncode == 0, done.stderr
        assert "environments (ESC)" in done.stdout

    def test_an_error_besides_a_load_that_does_not_fit_is_shown(self, tmp_path: Path) -> None:
        load = (ROOT / "examples" / "incident.yaml").read_text()
        (tmp_path / "load.yaml").write_text(load)
        done = self.previewed(
            tmp_path,
            "import pulumi\nraise pulumi.RunError('something else is wrong')\n",
            stack="config: {'loadfit:load': load.yaml}\n",
        )
        assert done.returncode == 1
        assert "NAT_PORTS_SHORT" in done.stdout
        assert "something else is wrong" in done.stderr
