"""The programs of examples/hosted, against the schema and the provider. Compilers are in tests/engine/sdks."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pytest
import yaml

from tests.hosted.provider import ROOT, Provider
from tests.hosted.schema import SNAPSHOT

EXAMPLES = ROOT / "examples/hosted"
SCHEMA: dict[str, Any] = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
YAML: dict[str, Any] = yaml.safe_load((EXAMPLES / "yaml/Pulumi.yaml").read_text(encoding="utf-8"))
TYPESCRIPT = (EXAMPLES / "typescript/index.ts").read_text(encoding="utf-8")
GO = (EXAMPLES / "go/main.go").read_text(encoding="utf-8")

Args = dict[str, Any]


def token(kind: str) -> str:
    """The schema's name of a type in YAML."""
    return kind.replace(":", ":index:", 1)


def validator(component: str) -> Any:
    """JSON Schema of a component's inputs, with nothing but them."""
    inputs = SCHEMA["resources"][token(f"loadfit:{component}")]
    whole = shape(inputs["inputProperties"], inputs["requiredInputs"])
    definitions = {
        name: {"enum": [choice["value"] for choice in kind["enum"]]}
        if "enum" in kind
        else shape(kind["properties"], kind.get("required", []))
        for name, kind in SCHEMA["types"].items()
    }
    return jsonschema.Draft202012Validator({**whole, "types": definitions})


def shape(properties: Args, required: list[str]) -> Args:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def in_yaml() -> Iterator[tuple[str, str, Args]]:
    """Component, name and inputs."""
    for name, made in YAML["resources"].items():
        yield made["type"].removeprefix("loadfit:"), name, made["properties"]


def in_typescript() -> Iterator[tuple[str, str, Args]]:
    """An object of such a program is a flow mapping of YAML, too."""
    for component, name, text in re.findall(r'new loadfit\.(\w+)\("(\w+)", (\{.*?\n\})\);', TYPESCRIPT, re.DOTALL):
        yield component, name, yaml.safe_load(text)


def names(value: Any) -> Iterator[str]:
    """Every key, but those that the user chooses: the zones' and the window's."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if "-az" not in key and key != "day":
                yield key
            yield from names(item)
    elif isinstance(value, list):
        for item in value:
            yield from names(item)


@pytest.mark.parametrize(("component", "name", "inputs"), [*in_yaml()])
def test_the_inputs_in_yaml_are_those_of_the_schema(
    provider: Provider, component: str, name: str, inputs: Args
) -> None:
    validator(component).validate(inputs)
    made = provider.construct(token(f"loadfit:{component}"), name, inputs)
    assert made.outputs["sizing"]["verdict"] == "fits"


def test_every_component_is_in_it() -> None:
    assert {token(f"loadfit:{component}") for component, _, _ in in_yaml()} == set(SCHEMA["resources"])


@pytest.mark.parametrize(
    ("component", "change"),
    [
        ("MultiAzNatEgress", {"vpcId": 7}),
        ("MultiAzNatEgress", {"vpc": "vpc-0a1b"}),
        ("MultiAzNatEgress", {"load": {"region": "us-east-1", "zones": "3", "flows": []}}),
        ("MultiAzNatEgress", {"addressRetention": "keep"}),
        ("PgBouncerPool", {"clientPods": [{"pods": {}}]}),
    ],
)
def test_what_the_schema_does_not_have_is_found(component: str, change: Args) -> None:
    """So that the test above can fail."""
    inputs = next(inputs for found, _, inputs in in_yaml() if found == component)
    with pytest.raises(jsonschema.ValidationError):
        validator(component).validate({**inputs, **change})


def test_the_program_in_typescript_says_the_same() -> None:
    assert list(in_typescript()) == list(in_yaml())


def test_the_program_in_go_says_the_same() -> None:
    """By names, resources and values."""
    fields = {f"{name[0].lower()}{name[1:]}" for name in re.findall(r"^\s*(\w+): ", GO, re.MULTILINE)}
    assert fields == set(names([inputs for _, _, inputs in in_yaml()]))
    made = re.findall(r'loadfit\.New(\w+)\(ctx, "(\w+)", &loadfit\.(\w+)\{', GO)
    assert made == [(component, name, f"{component}Args") for component, name, _ in in_yaml()]
    values = set(re.findall(r'"([^"\n]+)"|\b(\d+)\b', GO.partition("func main")[2]))
    given = {str(value) for _, _, inputs in in_yaml() for value in leaves(inputs)}
    assert given <= {text or number for text, number in values}


def leaves(value: Any) -> Iterator[Any]:
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else None
    if items is None:
        yield value
    for item in items or ():
        yield from leaves(item)


@pytest.mark.parametrize("text", [TYPESCRIPT, GO, yaml.dump(YAML["outputs"])], ids=["typescript", "go", "yaml"])
def test_what_they_export_is_an_output(text: str) -> None:
    """Under the name that it has in the language."""
    outputs = {output for resource in SCHEMA["resources"].values() for output in resource["properties"]}
    used = re.findall(r"\b(?:egress|orders|storefront)\.([A-Za-z]\w+)", text)
    assert {f"{name[0].lower()}{name[1:]}" for name in used} == {"allowListCidrs", "url", "aliasInvokeArn"} < outputs


def test_the_page_shows_a_part_of_the_example() -> None:
    page = (ROOT / "docs/other-languages.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    assert shown in (EXAMPLES / "yaml/Pulumi.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", ["yaml", "typescript", "go"])
def test_each_names_the_package_by_its_folder(language: str) -> None:
    project = yaml.safe_load((EXAMPLES / language / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert (EXAMPLES / language / project["packages"]["loadfit"] / "PulumiPlugin.yaml").exists()
