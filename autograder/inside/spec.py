"""What the grader tells a zygote when it starts it: one message of plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

WORKERS = 4_000  # zygotes of a machine that their uids tell apart
USERS = 4  # uids that the children of one zygote take in turn where two are there at once


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuAccess:
    """What a child needs for its GPU: device files, and the owner's files of shared handles."""

    devices: tuple[str, ...]
    handles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedModel:
    """A full-scale model: what it is (`ModelChoice` as plain data), and the file that will describe
    its shared weights when the grader says that it is there.
    """

    choice: dict[str, Any]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteSettings:
    """How the zygote isolates, and what its children may see and use.

    `libraries` are the folders and files that stay readable; `secrets` lie inside them and are
    hidden all the same. `memory` (bytes) is what a child may allocate beyond its start, `seconds`
    the processor time of a child. `users` are the uids that children of root take in turn,
    `threads` is how many threads a child may have.
    `environment` is what its variables are besides the fork server's.
    `models` are full-scale models besides the tiny ones; with a `gpu` these are there, and with
    `tiny_on_gpu` the tiny ones as well. `packages` are those that students have besides moelab_kit.
    """

    isolation: str
    bench_seed: str
    libraries: tuple[str, ...]
    secrets: tuple[str, ...]
    scratch: str
    memory: int
    seconds: int
    users: tuple[int, ...]
    threads: int = 64
    environment: dict[str, str] = field(default_factory=dict)
    models: tuple[SharedModel, ...] = ()
    gpu: GpuAccess | None = None
    tiny_on_gpu: bool = False
    packages: tuple[str, ...] = ("moe_lab",)

    def to_message(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_message(cls, message: bytes) -> ZygoteSettings:
        plain = json.loads(message)
        for name in ("libraries", "secrets", "users", "packages"):
            plain[name] = tuple(plain[name])
        plain["models"] = tuple(SharedModel(**one) for one in plain["models"])
        if plain["gpu"] is not None:
            plain["gpu"] = GpuAccess(devices=tuple(plain["gpu"]["devices"]))
        return cls(**plain)
