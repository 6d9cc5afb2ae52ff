"""Runs the same memory-hungry jobs through expool-rpc and through PyExPool, and writes a table about both.

    make bench-balance      # sets up PyExPool from PyPI in a private environment, and writes docs/balancing-pyexpool.md

Twelve jobs grow to 240 MB each within 1.2 s and keep it for half a second, with four workers and a limit of 600 MB: two fit at a time.
The sum of their resident memory is sampled every 20 ms from /proc. Both run in turn, in one go; only the ratios matter.
Imports the standard library; in a process of its own, PyExPool.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time

JOBS, WORKERS, LIMIT_MB, EACH_MB, RATE_MB, HOLD = 12, 4, 600, 240, 200, 0.5
MARK = "expool-balance-eater"
EATER = f"""import time
start = time.monotonic()
eaten = []
for i in range({EACH_MB - 10}):
    eaten.append(bytearray(b"x" * 1000000))
    time.sleep(max(0, start + (i + 1) / {RATE_MB} - time.monotonic()))
time.sleep({HOLD}) # {MARK}"""


class Sampler(threading.Thread):
    """Samples the sum of the resident memory of all eaters, in bytes; counts how many of them there were."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.pids, self.over, self.looks = 0, set(), 0, 0
        self.done = threading.Event()

    def run(self):
        page = os.sysconf("SC_PAGESIZE")
        while not self.done.wait(0.02):
            total = 0
            for pid in filter(str.isdigit, os.listdir("/proc")):
                try:
                    with open(f"/proc/{pid}/cmdline", "rb") as f:
                        if MARK.encode() not in f.read():
                            continue
                    with open(f"/proc/{pid}/statm") as f:
                        total += int(f.read().split()[1]) * page
                    self.pids.add(pid)
                except OSError:
                    continue
            self.peak = max(self.peak, total)
            self.looks += 1
            self.over += total > LIMIT_MB * 1e6 * 1.1


def measured(run):
    """Calls run, and gives its wall time, the peak, attempts, share of looks above 110% of the limit, and what it returns."""
    sampler = Sampler()
    sampler.start()
    start = time.monotonic()
    completed = run()
    took = time.monotonic() - start
    sampler.done.set()
    sampler.join()
    return {"makespan": took, "peak": sampler.peak / 1e6, "attempts": len(sampler.pids), "over": sampler.over / max(sampler.looks, 1),
            "completed": completed}


def expool(server):
    jobs = [{"name": f"eater {i}", "args": [sys.executable, "-c", EATER]} for i in range(JOBS)]
    calls = [{"jsonrpc": "2.0", "id": 1, "method": "execute", "params": {"jobs": jobs}},
             {"jsonrpc": "2.0", "id": 2, "method": "join"}]
    out = subprocess.run([server, f"--workers={WORKERS}", f"--memlimit={LIMIT_MB}MB"], text=True, check=True, capture_output=True,
                         input="".join(json.dumps(c) + "\n" for c in calls)).stdout
    return next(m["result"]["done"] for m in map(json.loads, out.splitlines()) if m.get("id") == 2)


PYEXPOOL = """
import sys, mpepool
latency, eater = float(sys.argv[1]), sys.argv[2]
mpepool.ExecPool._CPUS = max(mpepool.ExecPool._CPUS, {workers})  # it refuses more workers than CPUs
done = []
pool = mpepool.ExecPool({workers}, memlimit={limit}, latency=latency)
for i in range({jobs}):
    pool.execute(mpepool.Job("eater", args=(sys.executable, "-c", eater), ondone=lambda job: done.append(job), stdout=None, stderr=None))
pool.join()
print("done", len(done))
"""


def pyexpool(python, latency):
    code = PYEXPOOL.format(workers=WORKERS, jobs=JOBS, limit=LIMIT_MB / 1000)
    out = subprocess.run([python, "-c", code, str(latency), EATER], text=True, capture_output=True, timeout=600).stdout
    return int(out.strip().splitlines()[-1].split()[-1])


def row(name, runs):
    median = {k: statistics.median(r[k] for r in runs) for k in runs[0]}
    ideal = JOBS / 2 * (EACH_MB / RATE_MB + HOLD)
    return (f"| {name} | {median['makespan'] / ideal:.2f} | {median['attempts'] - JOBS:.0f} | {median['peak'] / LIMIT_MB:.2f} "
            f"| {100 * median['over']:.0f}% | {median['completed']:.0f} of {JOBS} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default="bin/expool-rpc")
    parser.add_argument("--python", required=True, help="an interpreter that has pyexpool and psutil")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", default="docs/balancing-pyexpool.md")
    options = parser.parse_args()
    contenders = {
        "expool-rpc": lambda: expool(options.server),
        "PyExPool, its defaults": lambda: pyexpool(options.python, 0),
        "PyExPool, latency 0.05 s": lambda: pyexpool(options.python, 0.05),
    }
    runs = {name: [] for name in contenders}
    for _ in range(options.runs):
        for name, run in contenders.items():
            runs[name].append(measured(run))
            print(name, runs[name][-1], file=sys.stderr)
    version = subprocess.run([options.python, "-m", "pip", "show", "pyexpool"], text=True, capture_output=True).stdout.splitlines()[1]
    with open(options.out, "w") as out:
        out.write(f"""# Memory balancing beside PyExPool

Made by `make bench-balance` ({os.cpu_count()} CPUs, Linux {platform.release()}, Python {platform.python_version()}, PyExPool {version.split()[-1]}; medians of {options.runs} runs of
each, in turn). {JOBS} jobs grow to {EACH_MB} MB each at {RATE_MB} MB/s and keep it for {HOLD} s; {WORKERS} workers, a limit of {LIMIT_MB} MB. Two fit at a time,
which would take {JOBS // 2} x {EACH_MB / RATE_MB + HOLD:.1f} s: that is the makespan's 1.

| | makespan | attempts thrown away | peak / limit | looks above 110% of the limit | completed |
|---|---|---|---|---|---|
""" + "\n".join(row(name, r) for name, r in runs.items()) + "\n")


if __name__ == "__main__":
    main()
