"""Honest code in many styles works inside: isolation must not cost anybody points."""

from __future__ import annotations

import textwrap

import pytest
from honest_code import EVERYWHERE, WITH_FILES, function

from moelab_kit.calls import Call

pytestmark = [pytest.mark.slow, pytest.mark.sandbox]


@pytest.mark.parametrize("body", EVERYWHERE.values(), ids=EVERYWHERE)
def test_honest_code_works(body: str, submit) -> None:
    reply = submit(function(body)).perform(Call("f", ()), 20.0)
    assert reply.raised is None, reply.raised
    assert reply.value is True


@pytest.mark.parametrize("body", WITH_FILES.values(), ids=WITH_FILES)
def test_files_work_where_there_is_a_private_folder(body: str, submit, level: str) -> None:
    reply = submit(function(body)).perform(Call("f", ()), 20.0)
    if level == "namespaces":
        assert reply.raised is None, reply.raised
        assert reply.value is True
    else:
        assert reply.raised is not None, "docs/security.md says that these need a real folder"


def test_no_file_that_was_kept_outlasts_the_process(submit, level: str) -> None:
    text = """
    import os
    def write(name):
        with open(name, "w") as file:
            file.write("x")
    def there(name):
        try:
            open(name).close()
        except OSError:
            return False
        return True
    """
    first = submit(textwrap.dedent(text))
    assert first.perform(Call("write", ("a.txt",))).raised is None
    assert first.perform(Call("there", ("a.txt",))).value is True
    second = submit(textwrap.dedent(text))
    assert second.perform(Call("there", ("a.txt",))).value is False
    refused = second.perform(Call("write", ("/var/tmp/a.txt",))).raised
    assert refused is not None
    assert "OSError" in refused.bases


def test_tokenizers_work(submit, bench) -> None:
    session = submit("def f(tokenizer): return tokenizer('hello', return_tensors='pt').input_ids")
    reply = session.perform(Call("f", (bench.tokenizer(),)))
    assert reply.raised is None, reply.raised
    assert (
        reply.value.tolist() == bench.tokenizer()("hello", return_tensors="pt").input_ids.tolist()
    )
