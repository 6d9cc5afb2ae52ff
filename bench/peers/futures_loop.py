"""Runs a command N times from concurrent.futures with subprocess, and prints the seconds that it took.

    python3 futures_loop.py [--capture] N WIDTH COMMAND [ARGUMENT...]

Imports the standard library; the executor owns its threads.
"""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

capture = sys.argv[1] == "--capture"
n, width, *command = sys.argv[1 + capture:]
streams = {"capture_output": True} if capture else {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def once(_):
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, **streams)


with ThreadPoolExecutor(int(width)) as pool:
    start = time.monotonic()
    for _ in pool.map(once, range(int(n))):
        pass
    print(time.monotonic() - start)
