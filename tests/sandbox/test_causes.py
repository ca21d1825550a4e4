"""Where a level does not work, a plain clause says why and what helps, and nothing is graded."""

from __future__ import annotations

import errno
import subprocess
from pathlib import Path

import pytest
from machine import CHECKOUT, elsewhere

from autograder.sandbox.diagnosis import Facts, cause_of

pytestmark = pytest.mark.slow

USER = {"root": False, "may_administer": False, "refused": "unshare"}
LEVELS = ("namespaces", "landlock")
ANYWHERE = {
    "no libseccomp": (Facts(has_libseccomp=False), "libseccomp is missing", "apt install"),
    "an old kernel": (Facts(landlock=errno.ENOSYS), "kernel has no Landlock", "5.13"),
    "not at boot": (Facts(landlock=errno.EOPNOTSUPP), "not switched on at boot", "lsm="),
    "an old container": (Facts(landlock=errno.EPERM, filtered=True), "hides it", "version 23"),
}
NO_NAMESPACES = {
    "root in a container": (
        Facts(may_administer=False, filtered=True, refused="unshare", error=errno.EPERM),
        "CAP_SYS_ADMIN",
        "--cap-add SYS_ADMIN",
    ),
    "a user in a container": (
        Facts(**USER, error=errno.EPERM, filtered=True, apparmor_restrict_unprivileged_userns=1),
        "filter of system calls",
        "seccomp=unconfined",
    ),
    "switched off": (
        Facts(**USER, error=errno.ENOSPC, max_user_namespaces=0),
        "user.max_user_namespaces is 0",
        "sysctl -w user.max_user_namespaces=",
    ),
    "Debian's switch": (
        Facts(**USER, error=errno.EPERM, unprivileged_userns_clone=0),
        "kernel.unprivileged_userns_clone is 0",
        "sysctl -w kernel.unprivileged_userns_clone=1",
    ),
    "Ubuntu's AppArmor": (
        Facts(**USER | {"refused": "mount"}, apparmor_restrict_unprivileged_userns=1),
        "AppArmor takes all rights",
        "`userns,`",
    ),
    "no mounts": (Facts(refused="mount", error=errno.EACCES), "Permission denied", "apparmor"),
    "anything else": (Facts(**USER, error=errno.EUSERS), "Too many users", "as root"),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("facts", "why", "remedy"), ANYWHERE.values(), ids=ANYWHERE)
def test_what_both_levels_need_is_named(level: str, facts: Facts, why: str, remedy: str) -> None:
    cause = cause_of(level, facts)
    assert cause is not None
    assert why in cause.why
    assert remedy in cause.remedy


@pytest.mark.parametrize(("facts", "why", "remedy"), NO_NAMESPACES.values(), ids=NO_NAMESPACES)
def test_what_keeps_namespaces_away_is_named(facts: Facts, why: str, remedy: str) -> None:
    cause = cause_of("namespaces", facts)
    assert cause is not None
    assert why in cause.why
    assert remedy in cause.remedy
    assert cause_of("landlock", facts) is None


def test_where_nothing_is_missing_no_cause_is_invented() -> None:
    assert [cause_of(level, Facts()) for level in LEVELS] == [None, None]


@pytest.mark.sandbox
def test_where_no_level_works_nothing_is_graded_and_the_doctor_says_why(tmp_path: Path) -> None:
    command, reason = elsewhere("old-container")
    if reason:
        pytest.skip(reason)
    (tmp_path / "ada.py").write_text("x = 1\n")
    toy = str(CHECKOUT / "tests" / "courses" / "toycourse")
    order = ["grade", str(tmp_path / "ada.py"), "--course", toy, "--assignment", "toy"]
    order += ["--gradebook", f"sqlite:///{tmp_path}/book.db", "--json", str(tmp_path / "g.json")]
    graded = moelab(command, *order)
    assert graded.returncode == 2
    assert "nothing was graded" in graded.stderr
    assert "Landlock is not there" in graded.stderr
    assert not (tmp_path / "g.json").exists()
    examined = moelab(command, "doctor")
    assert examined.returncode == 1
    assert "Grading cannot work here" in examined.stdout
    assert examined.stdout.count("does not work: Landlock is not there") == 2


def moelab(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, "-m", "autograder.cli", *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
