"""A parameter sweep with futures: each result as soon as it is there.

python3 examples/sweep.py
"""

from __future__ import annotations

import concurrent.futures
import sys

from expool_rpc import PIPE, ExecPool, Job

PROGRAM = "import sys; n = int(sys.argv[1]); print(sum(d for d in range(1, n) if n % d == 0))"


def main() -> None:
    with ExecPool(2, name="sweep") as pool:
        futures = {
            pool.submit(Job(f"n={n}", args=(sys.executable, "-c", PROGRAM, str(n)), timeout=60, stdout=PIPE)): n
            for n in (6, 28, 100, 496)
        }
        for future in concurrent.futures.as_completed(futures):
            record, n = future.result(), futures[future]
            total = int(record.stdout or 0)
            print(f"{n}: {'perfect' if total == n else f'the divisors sum up to {total}'}")


if __name__ == "__main__":
    main()
