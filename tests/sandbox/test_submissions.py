"""What every isolation level must do for honest, slow, greedy and broken submissions."""

from __future__ import annotations

import os

import pytest
import torch

from autograder.records import Outcome
from autograder.sandbox.isolation import Sandbox
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import SandboxSession, UnreadableSubmission
from autograder.session import Interrupted
from moe_lab.bench import Bench
from moelab_kit.calls import Call

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]

MIXED = """
import os, sys
import torch

counter = [0]

def double(x, *, plus=0):
    return x * 2 + plus

def routers(model):
    return [(name, one) for name, one in model.named_modules() if name.endswith("gate")]

def count():
    counter[0] += 1
    return counter[0]

def modules():
    return sorted(sys.modules)

def zero(model):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return 0.0

def add_hook(model):
    model.register_forward_hook(lambda *args: None)
    return 0.0

def norm(model):
    return sum(float(p.detach().double().norm()) for p in model.parameters())

def crash():
    import ctypes
    return ctypes.string_at(0)

def leave():
    os._exit(3)

def loop():
    while True:
        pass

def hoard():
    return len([torch.ones(1 << 28, dtype=torch.uint8) for _ in range(32)])

def fail(text):
    raise ValueError(text)

def unfinished():
    raise NotImplementedError

not_a_function = 7
"""


def value(session: SandboxSession, function: str, *args: object, **kwargs: object) -> object:
    reply = session.perform(Call(function, args, kwargs))
    assert reply.raised is None, reply.raised
    return reply.value


def outcome(session: SandboxSession, function: str, *args: object) -> Outcome:
    with pytest.raises(Interrupted) as caught:
        session.perform(Call(function, args))
    return caught.value.outcome


def test_an_honest_call_gives_its_value(submit) -> None:
    session = submit(MIXED)
    assert torch.equal(value(session, "double", torch.ones(3), plus=1), torch.full((3,), 3.0))
    assert value(session, "double", "ab", plus="c") == "ababc"


def test_gradients_come_back(submit) -> None:
    reply = submit(MIXED).perform(Call("double", (torch.ones(3),), {}, (0,)))
    assert torch.equal(reply.gradients[0], torch.full((3,), 2.0))


def test_modules_that_come_back_are_the_checks_own(submit, bench: Bench) -> None:
    session = submit(MIXED)
    for family in ("mixtral", "olmoe"):
        model = bench.model(family)
        found = value(session, "routers", model)
        assert found
        for name, module in found:
            assert module is model.get_submodule(name)


def test_state_lasts_from_call_to_call_of_one_submission(submit) -> None:
    session = submit(MIXED)
    assert [value(session, "count") for _ in range(3)] == [1, 2, 3]
    assert value(submit(MIXED), "count") == 1


def test_the_process_holds_neither_checks_nor_reference_nor_grader(submit) -> None:
    parts = ("inside", "linux", "models", "notebook", "wire")
    allowed = tuple(f"autograder.{part}" for part in parts)
    names = value(submit(MIXED), "modules")
    assert "autograder.inside.runner" in names
    for name in names:
        top = name.partition(".")[0]
        assert top not in ("reference", "tests", "pytest", "hypothesis", "sqlalchemy"), name
        if top == "autograder" and name != "autograder":
            assert any(name == one or name.startswith(one + ".") for one in allowed), name


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("crash", Outcome.DIED),
        ("leave", Outcome.DIED),
        ("loop", Outcome.TIMEOUT),
        ("hoard", Outcome.MEMORY),
        ("absent", Outcome.MISSING),
        ("not_a_function", Outcome.MISSING),
    ],
)
def test_what_goes_wrong_has_its_outcome_and_the_next_call_works(
    function: str, expected: Outcome, submit
) -> None:
    session = submit(MIXED)
    assert value(session, "count") == 1
    assert outcome(session, function) is expected
    fresh = 1 if expected is not Outcome.MISSING else 2
    assert value(session, "count") == fresh, "after the end of a process the cells have run again"


def test_a_time_limit_of_ones_own_replaces_that_of_the_run(submit) -> None:
    session = submit(MIXED)
    with pytest.raises(Interrupted) as caught:
        session.perform(Call("loop", ()), 0.5)
    assert caught.value.outcome is Outcome.TIMEOUT


def test_exceptions_come_back_as_data(submit) -> None:
    session = submit(MIXED)
    raised = session.perform(Call("fail", ("why",))).raised
    assert (raised.type_name, raised.message) == ("ValueError", "why")
    assert "Exception" in raised.bases
    assert session.perform(Call("unfinished", ())).raised.type_name == "NotImplementedError"


CELLS = {
    "crash": "import ctypes; ctypes.string_at(0)",
    "exit": "import os; os._exit(0)",
    "endless": "while True: pass",
    "memory": "hoard = [bytearray(1 << 28) for _ in range(32)]",
    "exception": "1 / 0",
    "syntax": "def broken(:",
    "system exit": "raise SystemExit(1)",
    "close": "import os; os.closerange(3, 256)",
}


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_bad_cell_is_noted_and_the_others_still_count(cell: str, submit) -> None:
    text = (
        f"# %%\ndef before(): return 1\n\n# %%\n{cell}\n\n# %%\ndef after(): return before() + 1\n"
    )
    session = submit(text, Limits(call=1.5, total=20.0))
    assert value(session, "after") == 2
    assert value(session, "before") == 1
    assert any("cell 2" in note for note in session.notes), session.notes


def test_changed_models_never_reach_the_next_call(submit, bench: Bench) -> None:
    session = submit(MIXED)
    model = bench.model("olmoe")
    honest = value(session, "norm", model)
    assert honest > 0
    for tamper in ("zero", "add_hook"):
        assert session.perform(Call(tamper, (model,))).left_behind
        assert value(session, "norm", model) == honest
    assert value(submit(MIXED), "norm", model) == honest


def test_a_cell_longer_than_any_text_of_an_answer_runs_whole(submit) -> None:
    data = "x" * 300_000
    session = submit(f"data = '{data}é'\n\ndef length(): return len(data)\n")
    assert value(session, "length") == 300_001


def test_a_submission_without_functions_is_missing_every_one(submit) -> None:
    for text in ("# nothing\n", "x = 1\n"):
        session = submit(text)
        assert outcome(session, "anything") is Outcome.MISSING
        assert outcome(session, "anything") is Outcome.MISSING


def test_the_time_for_a_whole_submission_is_bounded(submit) -> None:
    session = submit(MIXED, Limits(call=0.5, total=1.0))
    assert [outcome(session, "loop") for _ in range(3)] == [Outcome.TIMEOUT] * 3
    with pytest.raises(Interrupted, match="whole submission"):
        session.perform(Call("count", ()))


@pytest.mark.parametrize(
    ("data", "name"),
    [(b"", "a.py"), (b"{}", "a.ipynb"), (b"\x00\x01", "a.py"), (b"PK\x03\x04rest", "a.zip")],
    ids=["empty", "no notebook", "binary", "damaged zip"],
)
def test_what_cannot_be_read_is_said_to_be_unreadable(
    data: bytes, name: str, sandbox: Sandbox, bench: Bench
) -> None:
    session = SandboxSession(sandbox, bench, Limits())
    try:
        with pytest.raises(UnreadableSubmission):
            session.read(data, name)
    finally:
        session.close()


def test_fifty_submissions_leave_no_descriptor_open(submit, bench: Bench) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    for number in range(50):
        session = submit(f"def f(): return {number}\ndef g(): import os; os._exit(0)\n")
        assert value(session, "f") == number
        if number % 5 == 0:
            assert outcome(session, "g") is Outcome.DIED
        session.close()
    assert sorted(os.listdir("/proc/self/fd")) == before
