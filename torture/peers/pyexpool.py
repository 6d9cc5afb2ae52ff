"""Runs a command through PyExPool, as its documentation shows it.

    python pyexpool.py TIMEOUT OUTPUT COMMAND [ARGUMENT...]

TIMEOUT is in seconds, 0 for none. Imports PyExPool and the standard library; the pool owns its own processes.
"""

import signal
import sys

from mpepool import ExecPool, Job

pool = ExecPool(1, latency=0.2)


def end(*_: object) -> None:
    """Ends the jobs, as PyExPool's users are told to do on signals."""
    pool.terminate()
    sys.exit(1)


signal.signal(signal.SIGTERM, end)
pool.execute(Job("job", args=tuple(sys.argv[3:]), timeout=float(sys.argv[1]), stdout=sys.argv[2], stderr=None))
pool.join()
