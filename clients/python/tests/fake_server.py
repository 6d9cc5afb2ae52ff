"""A server that goes wrong in the way that its first argument says."""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def say(**message: object) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def answer(line: str, protocol: object = 1) -> None:
    call = json.loads(line)
    say(id=call["id"], result={"protocol": protocol, "grace": 0, "method": call["method"]})


def sleep_on() -> None:
    while True:
        time.sleep(60)


mode, lines = sys.argv[1], sys.stdin
if mode == "exits":
    sys.exit("no room on this machine")
first = lines.readline()
if mode == "silent":
    sleep_on()
elif mode == "garbage":
    print("Hello, this is no JSON")
elif mode == "null":
    print("null")
elif mode == "array":
    print("[1, 2]")
elif mode == "echo":
    print(first, end="")
elif mode == "refuses":
    say(id=1, error={"code": -32602, "message": "m", "data": {"field": "protocol", "problem": "is 1, and I speak 0"}})
elif mode == "unversioned":
    say(id=1, result={"server": "something else"})
else:
    answer(first, 99 if mode == "version" else 1)
if mode == "dies":  # after a call that it answers, and one that it doesn't
    answer(lines.readline())
    lines.readline()
    print("panic: the disk is on fire", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
elif mode == "turns bad":
    lines.readline()
    print("\x1b[31mwarning", flush=True)
elif mode == "refuses a line":
    lines.readline()
    say(id=None, error={"code": -32700, "message": "parse error"})
elif mode == "closes its output":
    os.close(1)
elif mode == "closes its input":
    os.close(0)
elif mode == "answers twice":
    answer(line := lines.readline())
    answer(line)
    say(id=4711, result={})
if mode in ("deaf", "closes its output", "closes its input"):  # and doesn't end by itself
    sleep_on()
for line in lines:
    answer(line)
if mode == "stays":
    sleep_on()
