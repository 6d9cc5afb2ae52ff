"""Runs a command N times through BenchExec's RunExecutor, in one process, and prints the seconds that it took.

    python benchexec_loop.py N WIDTH COMMAND [ARGUMENT...]

Without containers, as "runexec --no-container" does. Imports BenchExec and the standard library; the executor owns its threads.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchexec.runexecutor import RunExecutor

n, width, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]


def once(_):
    result = RunExecutor(use_namespaces=False).execute_run(command, "/dev/null", write_header=False)
    if "exitcode" not in result or result["exitcode"].value != 0:
        raise RuntimeError(f"the run gave {result}")


with ThreadPoolExecutor(width) as pool:
    start = time.monotonic()
    for _ in pool.map(once, range(n)):
        pass
    print(time.monotonic() - start)
