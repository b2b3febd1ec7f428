"""Documents that are no loads, each for a cause of its own, and what the message about each must contain."""

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["HOSTILE", "Hostile"]

HEAD = "region: us-east-1\nzones: 3\n"
WORKLOADS = "workloads:\n  checkout: {pods: 200}\n"
FLOW = '{from: checkout, to: "api.stripe.com:443", connections_per_pod: 300}'
EGRESS = f"egress:\n  flows:\n    - {FLOW}\n"
VALID = HEAD + WORKLOADS + EGRESS


@dataclass(frozen=True)
class Hostile:
    """One input and its refusal."""

    name: str
    content: str | bytes | Callable[[Path], Path] = field(repr=False)
    """A document, or what makes one in a folder and returns its path."""
    expected: str
    """A part of the message."""

    def file(self, folder: Path) -> Path:
        """Writes the document."""
        if callable(self.content):
            return self.content(folder)
        path = folder / "load.yaml"
        path.write_bytes(self.content if isinstance(self.content, bytes) else self.content.encode())
        return path


def pods(value: str) -> str:
    """A document whose number of pods is as given."""
    return VALID.replace("200", value)


def flow(old: str, new: str) -> str:
    """A document whose flow is changed."""
    return VALID.replace(FLOW, FLOW.replace(old, new))


CLIENTS = "{from: checkout, pool_size: 5, max_overflow: 0, transactions_per_second: 10, mean_transaction_ms: 5}"


def database(settings: str = "max_connections: 200", clients: str = CLIENTS, name: str = "orders") -> str:
    """A document with one database."""
    return f"{HEAD}{WORKLOADS}databases:\n  {name}:\n    {settings}\n    clients:\n      - {clients}\n"


def stack(config: str, **files: str) -> Callable[[Path], Path]:
    """A stack file, and other files beside it."""

    def write(folder: Path) -> Path:
        for name, text in files.items():
            (folder / f"{name}.yaml").write_text(text)
        path = folder / "Pulumi.prod.yaml"
        path.write_text(config)
        return path

    return write


def named(name: str, text: str = "region: ]") -> Callable[[Path], Path]:
    """A broken document in a file of this name."""

    def write(folder: Path) -> Path:
        path = folder / name
        path.write_text(text)
        return path

    return write


def nested(opening: str, levels: int = 50_000) -> str:
    """More levels than any load has."""
    return HEAD + "egress: " + opening * levels


def laughs() -> str:
    """Nine values, nine times, nine times over: 387 million."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 9)]
    return "\n".join(lines) + "\n"


def indented(text: str) -> str:
    """A load as it stands under ``loadfit:load``."""
    return "config:\n  loadfit:load:\n" + "".join(f"    {line}\n" for line in text.splitlines())


def a_folder(folder: Path) -> Path:
    """A folder in the place of a file."""
    (folder / "load.yaml").mkdir()
    return folder / "load.yaml"


def a_pipe(folder: Path) -> Path:
    """A pipe that nobody writes to: reading it would wait for ever."""
    os.mkfifo(folder / "load.yaml")
    return folder / "load.yaml"


def a_socket(folder: Path) -> Path:
    """A socket. Its address is relative, since addresses are short."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("load.yaml")
    finally:
        os.chdir(before)
    return folder / "load.yaml"


def a_loop(folder: Path) -> Path:
    """A link to itself."""
    (folder / "load.yaml").symlink_to(folder / "load.yaml")
    return folder / "load.yaml"


def a_dangling_link(folder: Path) -> Path:
    """A link to nothing."""
    (folder / "load.yaml").symlink_to(folder / "gone.yaml")
    return folder / "load.yaml"


def a_huge_file(folder: Path) -> Path:
    """A terabyte of nothing, which takes no room."""
    with (folder / "load.yaml").open("wb") as file:
        file.truncate(2**40)
    return folder / "load.yaml"


def below_a_file(folder: Path) -> Path:
    """A path that goes through a file."""
    (folder / "load.yaml").write_text(VALID)
    return folder / "load.yaml" / "load.yaml"


def workloads(number: int) -> str:
    """Many workloads."""
    return HEAD + "workloads:\n" + "".join(f"  w{index}: {{pods: 2}}\n" for index in range(number))


NO_LOAD = (
    Hostile("empty", "", "load.yaml:1: expected a load (region, zones and what they carry), found nothing"),
    Hostile("only comments", "# region: us-east-1\n# zones: 3\n", "expected a load (region, zones"),
    Hostile("only white space", "\n  \n\n", "expected a load (region, zones"),
    Hostile("only a document marker", "---\n", "expected a load (region, zones"),
    Hostile("null", "~\n", "expected a load (region, zones"),
    Hostile("a word", "region\n", 'expected a mapping, found the text "region"'),
    Hostile("a number", "3\n", "expected a mapping, found 3"),
    Hostile("a list", "- region: us-east-1\n", "expected a mapping, found a list"),
    Hostile("an empty mapping", "{}\n", 'region: expected the field "region", found nothing'),
    Hostile("json lines", '{"region": "us-east-1"}\n{"zones": 3}\n', "load.yaml:2: expected valid YAML"),
)

ENCODING = (
    Hostile("utf-16 with mark", VALID.encode("utf-16"), "load.yaml:1: expected UTF-8, found UTF-16"),
    Hostile("utf-16 without mark", VALID.encode("utf-16-le"), "expected UTF-8, found UTF-16"),
    Hostile("utf-16 big endian", VALID.encode("utf-16-be"), "expected UTF-8, found UTF-16"),
    Hostile(
        "latin-1", VALID.encode() + "# Zürich\n".encode("latin-1"), "load.yaml:8: expected UTF-8, found the byte 0xfc"
    ),
    Hostile("overlong utf-8", VALID.encode() + b"# \xc0\xaf", "found the byte 0xc0"),
    Hostile("encoded surrogate", VALID.encode() + b"# \xed\xa0\x80", "found the byte 0xed"),
    Hostile("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "found the byte 0x8b"),
    Hostile("nul", VALID.replace("checkout", "check\0out"), "load.yaml:4: expected text, found the character \\x00"),
    Hostile("terminal escape", pods("\x1b[2J"), "load.yaml:4: expected text, found the character \\x1b"),
    Hostile("delete", pods("2\x7f"), "found the character \\x7f"),
    Hostile("mark inside", pods("2\ufeff"), "found the character \\ufeff"),
    Hostile("noncharacter", pods("2\uffff"), "found the character \\uffff"),
    Hostile("right-to-left override", pods("\u202e003"), 'found the text "\\u202e003"'),
    Hostile("escaped terminal codes", pods('"\\e[31m\\a"'), 'found the text "\\x1b[31m\\x07"'),
    Hostile("escaped line break", pods('"a\\nload.yaml"'), 'found the text "a\\nload.yaml"'),
    Hostile(
        "half a surrogate pair",
        pods('"\\ud83d"'),
        "load.yaml:4: expected valid YAML, found an escape that is no character",
    ),
    Hostile("escape beyond unicode", pods('"\\U00110000"'), "expected valid YAML, found an escape"),
    Hostile("fullwidth digits", pods("\uff12\uff10"), 'expected a whole number, found the text "\uff12\uff10"'),
)

SYNTAX = (
    Hostile(
        "tab as indentation",
        HEAD + "workloads:\n\tcheckout: {pods: 3}\n",
        "load.yaml:4: expected valid YAML, found a tab",
    ),
    Hostile(
        "unclosed double quote", HEAD + 'egress: "\n' + WORKLOADS, "load.yaml:3: expected valid YAML, found a quote"
    ),
    Hostile("unclosed single quote", HEAD + "egress: {flows: ['a}\n", "found a quote that is not closed"),
    Hostile("unclosed bracket", HEAD + "egress: {flows: [}\n", "a bracket that is not closed, or a comma too many"),
    Hostile(
        "unclosed list", HEAD + "workloads: [a\negress: {}\n", "load.yaml:3: expected valid YAML, found a [ that is not"
    ),
    Hostile(
        "unclosed brace", HEAD + "workloads: {a: b\negress: c\n", "load.yaml:3: expected valid YAML, found a { that is"
    ),
    Hostile("closed twice", HEAD + "egress: {}}\n", "load.yaml:3: expected valid YAML"),
    Hostile("lonely bracket", HEAD + "egress: ]\n", "load.yaml:3: expected valid YAML"),
    Hostile("two colons", HEAD + "egress: flows: []\n", "load.yaml:3: expected valid YAML, found a second colon"),
    Hostile("no colon", VALID + "egress\n", "load.yaml:8: expected valid YAML, found a line without a colon"),
    Hostile(
        "outdented key", HEAD + "egress:\n   flows: []\n  zones: 2\n", "load.yaml:5: expected valid YAML, found no key"
    ),
    Hostile("key in a list", HEAD + "egress:\n- a\nb: 1\n- c\n", "expected valid YAML"),
    Hostile("item in a mapping", HEAD + "- egress\n", "load.yaml:3: expected valid YAML, found no key of the mapping"),
    Hostile("reserved character", HEAD + "egress: @flows\n", "load.yaml:3: expected valid YAML"),
    Hostile("unknown escape", pods('"\\q"'), "load.yaml:4: expected valid YAML"),
    Hostile("block of no known kind", HEAD + "egress: |x\n", "load.yaml:3: expected valid YAML"),
    Hostile("merge conflict", f"<<<<<<< ours\n{HEAD}=======\nzones: 2\n>>>>>>> theirs\n", "expected valid YAML"),
    Hostile(
        "template",
        HEAD + "workloads: {{ workloads }}\n",
        "load.yaml:3: workloads: expected a key that is a text, found a mapping",
    ),
    Hostile("two documents", f"{VALID}---\n{VALID}", "load.yaml:8: expected one YAML document, found a second one"),
    Hostile("a thousand documents", "---\n" * 1000, "load.yaml:2: expected one YAML document"),
    Hostile("another version of yaml", f"%YAML 3.0\n---\n{VALID}", "load.yaml:1: expected valid YAML"),
    Hostile(
        "tag directives", "".join(f"%TAG !{i}! tag:{i}\n" for i in range(100_000)) + "---\n" + VALID, "a %TAG directive"
    ),
)

YAML = (
    Hostile(
        "key twice", VALID + "zones: 2\n", "load.yaml:8: zones: expected each key once, found it again, after line 2"
    ),
    Hostile("key twice, quoted", VALID + '"zones": 2\n', "load.yaml:8: zones: expected each key once"),
    Hostile(
        "key twice in one line", pods("200, pods: 300"), "load.yaml:4: workloads.checkout.pods: expected each key once"
    ),
    Hostile("key twice, escaped", VALID + '"\\x7aones": 2\n', "load.yaml:8: zones: expected each key once"),
    Hostile("same key forty thousand times", VALID + "zones: 3\n" * 40_000, "and 39,980 more problems"),
    Hostile(
        "number as key", VALID + "3: 4\n", "load.yaml:8: 3: expected a key that is a text, found 3. Put it in quotes"
    ),
    Hostile("truth as key", VALID + "true: 4\n", "expected a key that is a text, found true"),
    Hostile("null as key", VALID + "~: 4\n", "load.yaml:8: ~: expected a key that is a text, found nothing"),
    Hostile("list as key", VALID + "? [a, b]\n: 4\n", "load.yaml:8: expected a key that is a text, found a list"),
    Hostile("mapping as key", VALID + "{a: b}: 4\n", "expected a key that is a text, found a mapping"),
    Hostile("alias as key", VALID.replace("checkout:", "&c checkout:") + "*c : 4\n", "found the alias *c"),
    Hostile("python object", pods("!!python/object:os.system {}"), "found the tag !!python/object:os.system"),
    Hostile(
        "python call",
        VALID + 'x: !!python/object/apply:os.system ["id"]\n',
        "load.yaml:8: x: expected a value without a tag",
    ),
    Hostile("python name", pods("!!python/name:os.system ''"), "found the tag !!python/name:os.system"),
    Hostile(
        "custom tag", pods("!pods 200"), "workloads.checkout.pods: expected a value without a tag, found the tag !pods"
    ),
    Hostile("standard tag", pods("!!int 200"), "found the tag !!int. Leave it out"),
    Hostile("tag of a key", VALID.replace("zones", "!a zones"), "load.yaml:2: zones: expected a value without a tag"),
    Hostile("binary", flow('"api.stripe.com:443"', "!!binary YTo0NDM="), "found the tag !!binary"),
    Hostile("undeclared tag", pods("!a!b 200"), "load.yaml:4: expected valid YAML"),
    Hostile("tag with escapes", pods("!<%1B%5B31m> 200"), "found the tag \\x1b[31m"),
    Hostile(
        "merge key",
        HEAD + "workloads:\n  a: &a {pods: 2}\n  b: {<<: *a}\n" + EGRESS,
        "load.yaml:5: workloads.b.<<: expected keys of",
    ),
    Hostile(
        "unknown alias", pods("*most"), "load.yaml:4: workloads.checkout.pods: expected an alias of an anchor above it"
    ),
    Hostile(
        "alias before its anchor", HEAD + "egress: *e\nworkloads: &e {}\n", "load.yaml:3: egress: expected an alias of"
    ),
    Hostile(
        "value within itself",
        VALID + "x: &x [*x]\n",
        "load.yaml:8: x[0]: expected an alias of a value that ends before it",
    ),
    Hostile("load within itself", "&a\n" + VALID + "x: {y: *a}\n", "found *a inside of its own value"),
    Hostile(
        "glob as value",
        flow('"api.stripe.com:443"', "*.stripe.com:443"),
        "load.yaml:7: expected valid YAML, found a text that begins with *. Put it in quotes",
    ),
)

BOMBS = (
    Hostile(
        "billion laughs", laughs(), "expected at most 100,000 keys and values, found more, counting what aliases repeat"
    ),
    Hostile("quadratic aliases", f"a: &a [{'x,' * 400}]\nb: [{'*a,' * 400}]\n", "counting what aliases repeat"),
    Hostile("long text, often", VALID + f"x: &x {'y' * 9_000}\nz: [{'*x ,' * 90_000}]\n", 'the unknown key "z"'),
    Hostile(
        "deep by aliases",
        "".join(f"a{i}: &a{i} {'[' * 60}{f'*a{i - 1}' if i else ''}{']' * 60}\n" for i in range(9)),
        "100 levels",
    ),
    Hostile("deep lists", nested("["), "load.yaml:3: expected at most 100 levels of mappings and lists, found more"),
    Hostile("deep mappings", nested("{a: "), "expected at most 100 levels"),
    Hostile("deep dashes", HEAD + "egress:\n" + "- " * 50_000, "load.yaml:4: expected at most 100 levels"),
    Hostile("deep keys", HEAD + "? " * 50_000, "expected at most 100 levels"),
    Hostile(
        "deep indentation", "".join(f"{' ' * i}a:\n" for i in range(3000)), "load.yaml:101: expected at most 100 levels"
    ),
    Hostile(
        "four million values",
        HEAD + "egress: [" + "0," * 4_000_000,
        "expected at most 100,000 keys and values, found more",
    ),
    Hostile(
        "more than eight mebibytes", VALID + "#" * 2**23, "expected a load document, found a file of 8.0 MiB where"
    ),
    Hostile("terabyte", a_huge_file, "found a file of 1,048,576.0 MiB where at most 8 are read"),
    Hostile(
        "long text",
        flow("api.stripe.com", "a" * 8_000_000),
        "expected a text of at most 10,000 characters, found one of 8,000,004",
    ),
    Hostile("long text of escapes", pods('"' + "\\n" * 4_000_000 + '"'), "found one of 4,000,000"),
    Hostile(
        "long text of lines",
        HEAD + "egress: >\n" + "  a\n" * 2_000_000,
        "load.yaml:3: egress: expected a text of at most 10,000",
    ),
    Hostile(
        "long key",
        VALID + f'? "{"k" * 8_000_000}"\n: 1\n',
        "expected a key of at most 10,000 characters, found one of 8,000,000",
    ),
    Hostile(
        "long tag",
        pods(f"!{'t' * 8_000_000} 200"),
        "load.yaml:4: workloads.checkout.pods: expected a value without a tag",
    ),
    Hostile("long alias", pods(f"*{'t' * 8_000_000}"), "expected an alias of an anchor above it, found *ttt"),
    Hostile("many unknown keys", VALID + "".join(f"k{i}: 1\n" for i in range(40_000)), "and 39,980 more problems"),
    Hostile("many wrong values", workloads(20_000).replace("2}", "x}"), "and 19,980 more problems"),
    Hostile("many wrong aliases", VALID + "x: [" + "*a ," * 90_000 + "]\n", "and 89,981 more problems"),
    Hostile(
        "many wrong references",
        workloads(5_000) + "egress:\n  flows:\n" + f"    - {FLOW}\n" * 5_000,
        "egress.flows[0].from: expected the name of a workload (w0, w1, w2, w3, w4 and 4,995 more)",
    ),
    Hostile(
        "many long keys under long keys",
        HEAD + "egress:\n" + "".join(f"  {'k' * 100}{i}: {{{'k' * 100}: 1}}\n" for i in range(500)),
        "more problems",
    ),
)

NUMBERS = (
    Hostile("not a number", pods(".nan"), "load.yaml:4: workloads.checkout.pods: expected a whole number, found nan"),
    Hostile("infinite", pods(".inf"), "expected a whole number, found inf"),
    Hostile(
        "infinite by exponent",
        HEAD + "egress: {peak_gbps: 1e999}\n",
        "load.yaml:3: egress.peak_gbps: expected a finite number",
    ),
    Hostile("infinite ratio", pods("200, rollout_surge: -.inf"), "rollout_surge: expected a finite number, found -inf"),
    Hostile("true", pods("true"), "expected a whole number, found true"),
    Hostile("null", pods("null"), "workloads.checkout.pods: expected a whole number, found nothing"),
    Hostile("quoted", pods('"200"'), 'expected a whole number, found the text "200"'),
    Hostile("yes", HEAD + "egress: {external_snat: yes}\n", 'expected true or false, found the text "yes"'),
    Hostile("underscores", pods("1_000"), 'expected a whole number, found the text "1_000"'),
    Hostile("octal", pods("0200"), 'expected a whole number, found the text "0200"'),
    Hostile("octal of yaml 1.2", pods("0o310"), 'expected a whole number, found the text "0o310"'),
    Hostile("hexadecimal", pods("0xc8"), 'expected a whole number, found the text "0xc8"'),
    Hostile("sexagesimal", pods("3:20"), 'expected a whole number, found the text "3:20"'),
    Hostile("date", pods("2026-11-23"), 'expected a whole number, found the text "2026-11-23"'),
    Hostile("thousands", pods("'1,000'"), 'expected a whole number, found the text "1,000"'),
    Hostile("unit", pods("200 pods"), 'expected a whole number, found the text "200 pods"'),
    Hostile("fraction", pods("200.5"), "expected a whole number, found 200.5"),
    Hostile("zero", pods("0"), "expected at least 1, found 0"),
    Hostile("negative", pods("-200"), "expected at least 1, found -200"),
    Hostile("negative zero", HEAD.replace("3", "-0"), "load.yaml:2: zones: expected at least 1, found 0"),
    Hostile("beyond the largest", pods("1000000001"), "expected at most 1,000,000,000, found 1000000001"),
    Hostile("beyond 64 bits", pods("18446744073709551617"), "found 18446744073709551617"),
    Hostile("five thousand digits", pods("9" * 5_000), "found a whole number of more than 30 digits"),
    Hostile("large by exponent", pods("1e300"), "expected at most 1,000,000,000, found"),
    Hostile(
        "eight million digits",
        pods("9" * 8_000_000),
        "expected a text of at most 10,000 characters, found one of 8,000,000",
    ),
    Hostile("many decimals", pods(f"0.{'0' * 9_000}1"), "workloads.checkout.pods: expected at least 1, found 0"),
)

LOADS = (
    Hostile(
        "misspelt key",
        VALID.replace("egress:", "egres:"),
        'load.yaml:5: egres: expected "egress", found the unknown key "egres"',
    ),
    Hostile("misspelt field", flow("connections_per", "conections_per"), 'Did you mean "connections_per_pod"?'),
    Hostile("other case", VALID.replace("region", "Region"), 'Did you mean "region"?'),
    Hostile("empty sections", HEAD + "workloads:\negress:\n", "expected at least one section"),
    Hostile(
        "empty workload",
        pods("").replace("{pods: }", ""),
        "load.yaml:4: workloads.checkout: expected a mapping, found nothing",
    ),
    Hostile(
        "workloads as a list",
        HEAD + "workloads:\n  - checkout\n" + EGRESS,
        "load.yaml:3: workloads: expected a mapping, found a list",
    ),
    Hostile(
        "flows as a mapping",
        HEAD + WORKLOADS + "egress:\n  flows:\n    a: 1\n",
        "load.yaml:6: egress.flows: expected a list, found a mapping",
    ),
    Hostile(
        "unknown workload",
        flow("from: checkout", "from: chekout"),
        "load.yaml:7: egress.flows[0].from: expected the name of a workload",
    ),
    Hostile("name that is none", VALID.replace("checkout", "Check_Out"), "expected a name of lower-case letters"),
    Hostile("name with escapes", VALID + '  "\\e[31m": 1\n', "found the unknown key"),
    Hostile("region that is none", VALID.replace("us-east-1", "mars"), "load.yaml:1: region: expected"),
    Hostile(
        "more zones than letters",
        VALID.replace("zones: 3", "zones: 27"),
        "load.yaml:2: zones: expected at most 26, found 27",
    ),
    Hostile(
        "destination that is none", flow(":443", ":99999"), "load.yaml:7: egress.flows[0].to: expected a destination"
    ),
    Hostile(
        "secure value", pods("{secure: djE6}"), "workloads.checkout.pods: expected a plain value, found a secure one"
    ),
)

FILES = (
    Hostile("missing", lambda folder: folder / "load.yaml", "load.yaml: expected a load document, found no file"),
    Hostile("folder", a_folder, "load.yaml: expected a load document, found a directory"),
    Hostile("pipe", a_pipe, "load.yaml: expected a load document, found a named pipe"),
    Hostile("socket", a_socket, "load.yaml: expected a load document, found a socket"),
    Hostile("device", lambda _: Path("/dev/zero"), "/dev/zero: expected a load document, found a device"),
    Hostile("dangling link", a_dangling_link, "load.yaml: expected a load document, found no file"),
    Hostile("circular link", a_loop, "found what cannot be read: too many levels of symbolic links"),
    Hostile("path through a file", below_a_file, "found what cannot be read: not a directory"),
    Hostile("name too long", lambda folder: folder / ("n" * 5_000), "found what cannot be read: file name too long"),
    Hostile("name with escapes", named("\x1b[2J\n.yaml"), "\\x1b[2J\\n.yaml:1: expected valid YAML"),
    Hostile("name not in utf-8", named(os.fsdecode(b"\xff.yaml")), "\\udcff.yaml:1: expected valid YAML"),
)

STACKS = (
    Hostile(
        "stack without a load",
        stack("config:\n  aws:region: us-east-1\n"),
        'Pulumi.prod.yaml:1: config: expected the key "loadfit:load"',
    ),
    Hostile("stack with another key", stack("config:\n  loadfit:laod: {}\n"), 'Did you mean it by "loadfit:laod"?'),
    Hostile(
        "stack with empty config", stack("config:\n"), 'expected the key "loadfit:load", found a stack file without it'
    ),
    Hostile("stack with nothing but a salt", stack("encryptionsalt: v1:abc\n"), 'expected the key "loadfit:load"'),
    Hostile("stack with a list", stack("config: [loadfit:load]\n"), "config: expected a mapping, found a list"),
    Hostile(
        "stack with a null load", stack("config:\n  loadfit:load:\n"), "Pulumi.prod.yaml:2: expected a load (region"
    ),
    Hostile(
        "stack with a number", stack("config:\n  loadfit:load: 3\n"), "Pulumi.prod.yaml:2: expected a mapping, found 3"
    ),
    Hostile(
        "stack with two loads",
        stack("config:\n  loadfit:load: a\n  loadfit:load: b\n"),
        "config.loadfit:load: expected each key once",
    ),
    Hostile(
        "stack with a mistake",
        stack(indented(pods("x"))),
        "Pulumi.prod.yaml:6: workloads.checkout.pods: expected a whole number",
    ),
    Hostile(
        "stack with a tag",
        stack("config:\n  loadfit:load: !load {}\n"),
        "expected a value without a tag, found the tag !load",
    ),
    Hostile(
        "stack with a secure load",
        stack("config:\n  loadfit:load: {secure: v1}\n"),
        "Pulumi.prod.yaml:2: expected a plain value",
    ),
    Hostile(
        "stack with a secure value",
        stack(indented(pods("{secure: v1}"))),
        "Pulumi.prod.yaml:6: workloads.checkout.pods: expected a plain",
    ),
    Hostile(
        "stack to nothing",
        stack("config:\n  loadfit:load: gone.yaml\n"),
        'the text "gone.yaml", which leads to no file (gone.yaml)',
    ),
    Hostile("stack to a folder", stack("config:\n  loadfit:load: .\n"), "which leads to a directory"),
    Hostile(
        "stack to an empty path",
        stack('config:\n  loadfit:load: ""\n'),
        'found the text "", which leads to a directory',
    ),
    Hostile(
        "stack to itself",
        stack("config:\n  loadfit:load: Pulumi.prod.yaml\n"),
        "which leads to another stack file (Pulumi.prod.yaml)",
    ),
    Hostile(
        "stack to a stack",
        stack("config:\n  loadfit:load: b.yaml\n", b="config: {}\n"),
        "which leads to another stack file (b.yaml)",
    ),
    Hostile(
        "stack to a mistake",
        stack("config:\n  loadfit:load: b.yaml\n", b=pods("x")),
        "b.yaml:4: workloads.checkout.pods: expected",
    ),
    Hostile("stack to a device", stack("config:\n  loadfit:load: /dev/zero\n"), "which leads to a device (/dev/zero)"),
    Hostile(
        "stack to a nul",
        stack('config:\n  loadfit:load: "a\\0b"\n'),
        "which leads to no file, because no file can have this name",
    ),
    Hostile(
        "stack to a long path",
        stack(f"config:\n  loadfit:load: {'n' * 5000}\n"),
        "what cannot be read: file name too long",
    ),
)

LINUX = (
    # A regular file whose reading fails.
    Hostile("input error", lambda _: Path("/proc/self/mem"), "found what cannot be read: input/output error"),
)

DATABASES = (
    Hostile("database without a limit", database("reserved: 5"), 'expected the field "max_connections", found nothing'),
    Hostile("database of an unknown class", database("instance_class: db.z9.large"), "instance_class: expected"),
    Hostile("limit beyond postgresql's", database("max_connections: 300000"), "expected at most 262,143, found 300000"),
    Hostile("limit of nothing", database("max_connections: 0"), "max_connections: expected at least 1, found 0"),
    Hostile(
        "database name in upper case",
        database(name="Orders"),
        "expected a name of lower-case letters, digits and dashes",
    ),
    Hostile("database without clients", f"{HEAD}databases:\n  orders: {{max_connections: 200}}\n", "clients: expected"),
    Hostile("clients as a mapping", database(clients="[]").replace("- []", "a: 1"), "clients: expected a list"),
    Hostile("clients of an unknown workload", database(clients=CLIENTS.replace("checkout", "chekout")), "checkout"),
    Hostile(
        "overflow left to the library",
        database(clients=CLIENTS.replace(", max_overflow: 0", "")),
        'expected the field "max_overflow", found nothing',
    ),
    Hostile(
        "no time for a transaction",
        database(clients=CLIENTS.replace("ms: 5", "ms: 0")),
        "expected at least 0.001, found 0",
    ),
    Hostile("pool of yes", database(clients=CLIENTS.replace("pool_size: 5", "pool_size: true")), "number, found true"),
    Hostile(
        "others below nothing",
        database("max_connections: 200\n    other_clients: {reports: -1}"),
        "other_clients.reports: expected 0 to 1,000,000,000, found -1",
    ),
    Hostile(
        "fewer connections than replicas",
        database("max_connections: 200\n    replicas: 4\n    server_connections: 3"),
        "server_connections: expected at least 1 for each of the 4 replicas, found 3",
    ),
    Hostile("headroom of all", database("max_connections: 200\n    policy: {headroom: 1}"), "less than 1, found 1"),
    Hostile("setting of another section", database("max_connections: 200\n    gateways: 1"), 'unknown key "gateways"'),
)

HOSTILE = (
    *NO_LOAD,
    *ENCODING,
    *SYNTAX,
    *YAML,
    *BOMBS,
    *NUMBERS,
    *LOADS,
    *DATABASES,
    *FILES,
    *STACKS,
    *(LINUX if sys.platform == "linux" else ()),
)
