"""What the grader tells a zygote when it starts it: one message of plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteSettings:
    """How the zygote isolates, and what its children may see and use.

    `libraries` are the folders and files that stay readable; `secrets` lie inside them and are
    hidden all the same. `memory` (bytes) is what a child may allocate beyond its start, `seconds`
    the processor time of a child. `user` is the uid that children of root take.
    """

    isolation: str
    bench_seed: str
    libraries: tuple[str, ...]
    secrets: tuple[str, ...]
    scratch: str
    memory: int
    seconds: int
    user: int

    def to_message(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_message(cls, message: bytes) -> ZygoteSettings:
        plain = json.loads(message)
        for name in ("libraries", "secrets"):
            plain[name] = tuple(plain[name])
        return cls(**plain)
