"""Tasks and callbacks: files are generated, and each is sorted as soon as it is there.

python3 examples/pipeline.py
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from expool_rpc import ExecPool, Job, Task

GENERATE = "import random; random.seed({seed}); print(*(random.random() for _ in range(10000)), sep='\\n')"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, ExecPool(2, memlimit=0.5, name="pipeline") as pool:
        generating = Task("generate", onfinish=lambda task: print(f"generated {task.numdone} of {task.numadded}"))
        sorting = Task("sort", timeout=60, onfinish=lambda task: print(f"sorted {task.numdone} of {task.numadded}"))

        def sort(generated: Job) -> None:
            path = Path(str(generated.stdout))
            pool.execute(Job(f"sort {path.name}", args=("sort", "-g", path), task=sorting, stdout=f"{path}.sorted"))

        for seed in range(5):
            pool.execute(
                Job(
                    f"generate {seed}",
                    args=(sys.executable, "-c", GENERATE.format(seed=seed)),
                    task=generating,
                    ondone=sort,
                    stdout=str(Path(folder) / f"{seed}.txt"),
                )
            )
        if not pool.join(300):
            print("not in time:", pool.failures)
        print(sorted(path.name for path in Path(folder).glob("*.sorted")))


if __name__ == "__main__":
    main()
