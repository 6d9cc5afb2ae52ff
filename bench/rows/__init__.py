"""The rows of docs/benchmarks.md, in its order. A module for each kind; each gives ROWS."""

from . import capture, cost, idle, lateness, lengths, memory, noop, presence, scheduler, startup, stubs

ROWS = tuple(row for module in (noop, capture, lengths, stubs, startup, memory, idle, lateness, cost, scheduler, presence) for row in module.ROWS)
