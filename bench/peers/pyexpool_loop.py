"""Runs a command N times through PyExPool, and prints the seconds from the first execute to the end of join.

    python pyexpool_loop.py LATENCY N WIDTH COMMAND [ARGUMENT...]

LATENCY is that of ExecPool; 0 is its default. Imports PyExPool and the standard library.
"""

import sys
import time

import mpepool

latency, n, width = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
command = tuple(sys.argv[4:])
mpepool.ExecPool._CPUS = max(mpepool.ExecPool._CPUS, width)  # it refuses more workers than CPUs
done = []
pool = mpepool.ExecPool(width, latency=latency)
start = time.monotonic()
for i in range(n):
    pool.execute(mpepool.Job(f"job {i}", args=command, ondone=done.append, stdout=None, stderr=None))
pool.join()
took = time.monotonic() - start
if len(done) != n:
    sys.exit(f"{len(done)} of {n} jobs succeeded")
print(took)
