from __future__ import annotations

import importlib
import pkgutil
import subprocess
from pathlib import Path

import pytest

import expool_rpc
from expool_rpc import _errors, _events, _records
from support import SOURCES, run_python


def test_all_names_exist_once_and_nothing_else_is_public() -> None:
    assert len(expool_rpc.__all__) == len(set(expool_rpc.__all__))
    for name in expool_rpc.__all__:
        assert getattr(expool_rpc, name)  # and so those that are imported late are there now
    public = {name for name in vars(expool_rpc) if not name.startswith("_")}
    assert set(expool_rpc.__all__) - {"__version__"} == public - {"annotations", "dropin", "TYPE_CHECKING"}
    assert dir(expool_rpc) == sorted(expool_rpc.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nosuch'"):
        _ = expool_rpc.nosuch


@pytest.mark.parametrize("module", [_errors, _events, _records])
def test_every_class_that_users_meet_is_public(module: object) -> None:
    own = {
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and value.__module__ == vars(module)["__name__"] and name[0] != "_"
    }
    assert own <= set(expool_rpc.__all__)


def test_every_public_class_and_function_is_documented() -> None:
    for name in expool_rpc.__all__:
        value = getattr(expool_rpc, name)
        if callable(value):
            assert value.__doc__, name


def test_every_module_says_what_it_is_for() -> None:
    for module in pkgutil.iter_modules([str(SOURCES / "expool_rpc")], "expool_rpc."):
        if module.name != "expool_rpc.__main__":
            assert importlib.import_module(module.name).__doc__, module.name


def test_the_version_is_that_of_the_server(server: str) -> None:
    said = subprocess.run([server, "--version"], capture_output=True, text=True, check=True).stdout
    assert said == f"expool-rpc {expool_rpc.__version__}\n"


def test_the_package_is_typed() -> None:
    assert (SOURCES / "expool_rpc" / "py.typed").exists()


def test_asyncio_is_imported_by_those_who_use_it() -> None:
    code = """
    import sys
    from expool_rpc import ExecPool, Job
    print("asyncio" in sys.modules)
    from expool_rpc import AsyncExecPool
    print("asyncio" in sys.modules)
    """
    assert run_python(code) == "False\nTrue\n"


def test_importing_needs_nothing_but_the_standard_library(tmp_path: Path) -> None:
    code = """
    import sys
    sys.path[:] = [path for path in sys.path if "site-packages" not in path]
    import expool_rpc
    print(expool_rpc.__version__)
    """
    assert run_python(code) == expool_rpc.__version__ + "\n"
