"""What is packed with the function is what its tests have run with."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def pinned(path: Path) -> dict[str, tuple[str, frozenset[str]]]:
    """Versions and hashes by package."""
    blocks = re.split(r"\n(?=[a-z0-9])", path.read_text())
    found = [(re.match(r"([a-z0-9-]+)==(\S+)", block), re.findall(r"sha256:[0-9a-f]{64}", block)) for block in blocks]
    return {name[1]: (name[2], frozenset(hashes)) for name, hashes in found if name}


def test_it_is_the_driver_and_what_that_needs_with_hashes() -> None:
    packed, locked = pinned(ROOT / "stacks/api/requirements.txt"), pinned(ROOT / "requirements.lock")
    assert {"pg8000", "scramp"} <= packed.keys() < locked.keys()
    for name, (version, hashes) in packed.items():
        assert locked[name] == (version, hashes), name
        assert hashes, name


def test_it_names_no_index_host() -> None:
    assert "http" not in (ROOT / "stacks/api/requirements.txt").read_text()
