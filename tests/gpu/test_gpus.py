"""Finding GPUs without CUDA: what NVIDIA's driver says, and what the user made visible."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.sandbox.devices import gpus

INFORMATION = """\
Model: \t\t NVIDIA H100 80GB HBM3
IRQ:   \t\t 45
GPU UUID: \t {uuid}
Bus Type: \t PCIe
Device Minor: \t {minor}
"""


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    for bus, uuid, minor in (("0000:06:00.0", "GPU-bb", 0), ("0000:04:00.0", "GPU-aa", 1)):
        folder = tmp_path / bus
        folder.mkdir()
        text = INFORMATION.format(uuid=uuid, minor=minor)
        (folder / "information").write_text(text, encoding="utf-8")
    return tmp_path


def test_gpus_are_counted_by_their_places_on_the_bus(driver: Path) -> None:
    found = gpus(driver)
    assert [(gpu.name, gpu.uuid, gpu.minor) for gpu in found] == [
        ("cuda:0", "GPU-aa", 1),
        ("cuda:1", "GPU-bb", 0),
    ]
    assert found[0].device_files == ("/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia1")


@pytest.mark.parametrize(
    ("visible", "expected"),
    [("1", ["GPU-bb"]), ("1,0", ["GPU-bb", "GPU-aa"]), ("GPU-aa", ["GPU-aa"]), ("", []), ("7", [])],
)
def test_only_visible_gpus_count_in_the_order_that_was_given(
    driver: Path, visible: str, expected: list[str]
) -> None:
    assert [gpu.uuid for gpu in gpus(driver, visible)] == expected


def test_a_machine_without_the_driver_has_no_gpus(tmp_path: Path) -> None:
    assert gpus(tmp_path / "none") == ()
