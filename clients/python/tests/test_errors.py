from __future__ import annotations

import pickle
import re

import pytest

import expool_rpc
from expool_rpc import CallError, InvalidParams, PoolError, ServerDied, _errors
from expool_rpc._errors import call_error, copy_error


def classes(base: type[PoolError] = PoolError) -> dict[str, str]:
    """All public errors below base, with the name of their base."""
    found = {}
    for child in base.__subclasses__():
        if child.__module__ == _errors.__name__:
            found |= {child.__name__: base.__name__, **classes(child)} if child.__name__[0] != "_" else {}
    return found


def drawn() -> dict[str, str]:
    """The errors in the tree of the docstring, with the name of their base."""
    found, bases = {}, {0: "PoolError"}
    for branch, name in re.findall(r"^ {4}([│ ]*[├└]── )(\w+)", _errors.__doc__ or "", re.MULTILINE):
        depth = len(branch) // 4
        found[name] = bases[depth - 1]
        bases[depth] = name
    return found


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    assert drawn() == classes()


@pytest.mark.parametrize("name", ["PoolError", *classes()])
def test_every_error_is_public_and_survives_pickling_and_copying(name: str) -> None:
    kind = getattr(expool_rpc, name)
    error = kind(-1, "m", "f", "p") if issubclass(kind, CallError) else kind("m")
    for twin in (pickle.loads(pickle.dumps(error)), copy_error(error)):
        assert type(twin) is kind
        assert (str(twin), vars(twin)) == (str(error), vars(error))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (-32600, "InvalidRequest"),
        (-32601, "NoSuchMethod"),
        (-32602, "InvalidParams"),
        (-32603, "ServerFault"),
        (-32001, "NotAlive"),
        (-32002, "NoSuchJob"),
        (-32003, "Busy"),
        (-1, "CallError"),
    ],
)
def test_each_code_of_the_protocol_has_its_class(code: int, name: str) -> None:
    error = call_error({"code": code, "message": "why"})
    assert (type(error).__name__, error.code, str(error), error.field) == (name, code, "why", None)


def test_invalid_params_are_value_errors_that_name_the_field() -> None:
    error = call_error({"code": -32602, "message": "m", "data": {"field": "jobs[3].timeout", "problem": "is negative"}})
    assert isinstance(error, ValueError)
    assert isinstance(error, InvalidParams)
    assert (error.field, error.problem) == ("jobs[3].timeout", "is negative")


def test_a_death_tells_the_last_words_of_the_server() -> None:
    assert str(ServerDied("it exited", 2, "no such flag")) == "it exited\nno such flag"
    assert str(ServerDied("it exited", 2)) == "it exited"
