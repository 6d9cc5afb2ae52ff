"""AffinityMask, and what the machine is."""

from __future__ import annotations

import os

import pytest

from expool_rpc import (
    AffinityMask,
    ExecPool,
    cpucorethreads,
    cpunodes,
    cpusequential,
    inBytes,
    inGigabytes,
    ramfracs,
    ramsize,
    secondsToHms,
)
from support import allowed_cpus


def test_the_class_tells_of_the_machine() -> None:
    assert os.cpu_count() == AffinityMask.CPUS
    assert AffinityMask.NODES == cpunodes() >= 1
    assert AffinityMask.CORE_THREADS == cpucorethreads() >= 1
    assert cpusequential() == AffinityMask.SEQUENTIAL
    assert AffinityMask.CORES == AffinityMask.CPUS // AffinityMask.CORE_THREADS
    assert AffinityMask(1).NODE_CPUS == AffinityMask.CPUS // AffinityMask.NODES


def test_a_mask_gives_the_cpus_of_each_group() -> None:
    allowed = allowed_cpus()
    masks = {AffinityMask("thread")(index) for index in range(len(allowed))}
    assert masks == {str(cpu) for cpu in allowed}
    assert AffinityMask(2.0).afnstep == 2


def test_an_index_beyond_the_groups_is_an_index_error() -> None:
    with pytest.raises(IndexError, match="100000"):
        AffinityMask(1)(100000)


@pytest.mark.parametrize("step", [0, -1, 2.1])
def test_a_step_that_is_no_number_of_threads_is_refused(step: float) -> None:
    with pytest.raises(ValueError, match="afnstep"):
        AffinityMask(step)


def test_a_step_that_the_machine_cannot_have_is_refused() -> None:
    with pytest.raises(ValueError, match="afnmask 100003 exceeds"):
        ExecPool(1, AffinityMask(100003))
    with pytest.raises(ValueError, match="afnstep must be one of"):
        AffinityMask("bogus")(0)


def test_workers_beyond_the_groups_are_left_out_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    cpus = len(allowed_cpus())
    with ExecPool(cpus + 3, AffinityMask("thread")) as pool:
        assert pool._wkslim == cpus
    assert "WARNING" in capsys.readouterr().err


def test_units_are_those_of_pyexpool() -> None:
    assert ramfracs(ramsize() / 3.5) == 3
    assert inGigabytes(inBytes(2.5)) == 2.5
    assert secondsToHms(3 * 3600 + 4 * 60 + 5.5) == (3, 4, 5.5)
    for wrong in (lambda: ramfracs(0), lambda: secondsToHms(-1)):
        with pytest.raises(ValueError, match="give "):
            wrong()
