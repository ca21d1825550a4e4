"""The code of a function as its student wrote it, taken from cells without running them."""

from __future__ import annotations

from autograder.notebook.functions import function_sources


def test_the_last_definition_counts_with_its_decorators_and_comments():
    cells = [
        "def f(x):\n    return 1\n",
        "@torch.no_grad()\ndef f(x):\n    # twice\n    return 2 * x\n",
    ]
    assert function_sources(cells, ["f"]) == {
        "f": "@torch.no_grad()\ndef f(x):\n    # twice\n    return 2 * x"
    }


def test_helpers_follow_in_the_order_in_which_they_are_named_and_other_exercises_do_not():
    cell = "A = 2\ndef g(x): return A * x\ndef h(x): return g(x)\ndef f(x): return h(x) + k(x)\n"
    found = function_sources([cell, "def k(x): return 0\n"], ["f", "k"])
    first, *helpers = found["f"].split("\n\n\n")
    assert first == "def f(x): return h(x) + k(x)"
    assert helpers == ["def h(x): return g(x)", "def g(x): return A * x", "A = 2"]


def test_magics_conditions_and_lambdas_hide_nothing():
    cells = [
        "%matplotlib inline\n!pip install x\ntry:\n    def f(x):\n        return 1\nexcept: pass"
    ]
    assert function_sources([*cells, "g = lambda x: x"], ["f", "g"]) == {
        "f": "def f(x):\n    return 1",
        "g": "g = lambda x: x",
    }


def test_what_is_no_python_is_left_out_and_what_a_module_beside_defines_is_found():
    cells = ["def f(x) return 1", "from helpers import g"]
    assert function_sources(cells, ["f", "g"], ["def g(): return 3"]) == {"g": "def g(): return 3"}
    deep = "x = " + "-" * 200_000 + "1"
    assert function_sources([deep, "def f(): pass"], ["f"]) == {"f": "def f(): pass"}
