"""For which machine a file's code was compiled, by the first bytes of the file."""

import re

__all__ = ["HEADER_BYTES", "LAMBDA_MACHINES", "machine_of"]

HEADER_BYTES = 64
"""How many bytes of a file tell."""

LAMBDA_MACHINES = {"x86_64": "Linux x86_64", "arm64": "Linux arm64"}
"""What Lambda's architectures run. https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html"""

# e_machine: https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html and the processors' supplements.
_ELF_MACHINES = {3: "Linux i386", 40: "Linux arm", 62: "Linux x86_64", 183: "Linux arm64", 243: "Linux riscv"}
_EI_DATA, _BIG_ENDIAN = 5, 2
_E_TYPE, _E_MACHINE = slice(16, 18), slice(18, 20)
_RUNS = {2, 3}
"""e_type: programs and shared objects. An object file (1) is not loaded."""

_MACH_O = {bytes.fromhex(magic) for magic in ("feedface", "cefaedfe", "feedfacf", "cffaedfe", "cafebabe", "cafebabf")}


def machine_of(path: str, head: bytes) -> str | None:
    r"""The system and processor that a file is for; ``None`` where it is no machine code.

    Programs for Windows and macOS are told of only where Python or Node.js would load them: several packages carry
    some as data.

    Args:
        path: Its path; the ending tells whether it is loaded.
        head: Its first :data:`HEADER_BYTES` bytes.

    Example:
        >>> machine_of("a.so", b"\x7fELF\x02\x01" + bytes(10) + b"\x03\x00\xb7\x00")
        'Linux arm64'
    """
    if head.startswith(b"\x7fELF") and len(head) >= _E_MACHINE.stop:
        order = "big" if head[_EI_DATA] == _BIG_ENDIAN else "little"
        if int.from_bytes(head[_E_TYPE], order) not in _RUNS:
            return None
        number = int.from_bytes(head[_E_MACHINE], order)
        return _ELF_MACHINES.get(number, f"Linux on ELF machine {number}")
    if head[:4] in _MACH_O and re.search(r"\.(so|dylib|node)$", path):
        return "macOS"
    if head.startswith(b"MZ") and re.search(r"\.(pyd|dll|node)$", path):
        return "Windows"
    return None
