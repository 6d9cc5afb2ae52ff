from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from expool_rpc import InvalidParams, _wire

LOOP: list[Any] = []
LOOP.append(LOOP)


def sent(params: Any) -> Any:
    line = _wire.request_line(7, "execute", params)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    return json.loads(line).get("params")


@pytest.mark.parametrize(
    "params", [None, {}, {"a": [1, 2.5, None, True, "\u2028 \x00 ä \U0001f600"], "big": 2**70}, {"n": {"": []}}]
)
def test_what_json_has_arrives_as_it_was(params: Any) -> None:
    assert sent(params) == params


def test_paths_become_text_and_tuples_lists() -> None:
    assert sent({"args": (Path("/bin/true"), "x")}) == {"args": ["/bin/true", "x"]}


@pytest.mark.parametrize(
    ("params", "field", "problem"),
    [
        ({"timeout": float("nan")}, "timeout", "nan: only finite"),
        ({"jobs": [{"size": 1}, {"size": -float("inf")}]}, "jobs[1].size", "-inf: only finite"),
        ({"args": ["cat", os.fsdecode(b"\xff")]}, "args[1]", "not Unicode"),
        ({"args": [Path(os.fsdecode(b"\xff"))]}, "args[0]", "not Unicode"),
        ({"env": {os.fsdecode(b"A\xff"): "1"}}, "the key env.A\\udcff", "not Unicode"),
        ({"params": {"when": {1, 2}}}, "params.when", "set {1, 2}: only text"),
        ({"args": [b"true"]}, "args[0]", "bytes b'true': only text"),
        ({"params": {(1, 2): 3}}, "params.(1, 2)", "tuple (1, 2): only text"),
        (object, "params", "type"),
        ({"params": LOOP}, "params", "contain themselves"),
    ],
)
def test_what_json_lacks_is_refused_by_its_name(params: Any, field: str, problem: str) -> None:
    with pytest.raises(InvalidParams) as caught:
        sent(params)
    assert caught.value.field == field
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"invalid params: {field} ")


def test_a_line_that_the_server_would_skip_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _wire.MAX_LINE == 64 << 20
    monkeypatch.setattr(_wire, "MAX_LINE", 100)
    assert len(_wire.request_line(1, "m", {"x": "y" * 44})) == 100
    with pytest.raises(InvalidParams, match="make a line of 101 bytes"):
        _wire.request_line(1, "m", {"x": "y" * 45})


def test_a_refusal_is_sent_whatever_its_message() -> None:
    assert json.loads(_wire.error_line("confirm-1-1", "no \udcff\n"))["error"]["message"] == "no ?\n"


def test_messages_are_taken_a_line_each() -> None:
    values = [{"id": 1, "result": {"text": "\n\\ä"}}, [], {}, 7]
    assert list(_wire.messages("".join(f"{json.dumps(value)}\n" for value in values))) == values
    assert list(_wire.messages("")) == []


@pytest.mark.parametrize("line", ["", "no", "{", "{} {}", "{}x"])
def test_a_line_that_is_no_message_is_shown(line: str) -> None:
    messages = _wire.messages(f'{{"id":1}}\n{line}\n{{"id":2}}\n')
    assert next(messages) == {"id": 1}
    with pytest.raises(ValueError, match=re.escape(f"it wrote {line!r}") + "$"):
        next(messages)
