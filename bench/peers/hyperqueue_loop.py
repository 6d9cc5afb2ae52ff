"""Runs a command N times through a HyperQueue server and worker on this machine, and prints the seconds from the submission on.

    python hyperqueue_loop.py N WIDTH COMMAND [ARGUMENT...]

Its client asks once a second whether a job has ended. So that this does not count, the last task, which depends on all
others, leaves a file, and the time of that file is the end. Imports HyperQueue and the standard library.
"""

import os
import sys
import tempfile
import time

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

n, width, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
with tempfile.TemporaryDirectory() as home:
    with LocalCluster(home, WorkerConfig(cores=width)) as cluster:
        client, job, mark = cluster.client(), Job(), os.path.join(home, "ended")
        tasks = [job.program(command, stdout=None, stderr=None) for _ in range(n)]
        job.program(["/usr/bin/touch", mark], stdout=None, stderr=None, deps=tasks)
        start = time.time()
        client.wait_for_jobs([client.submit(job)])
        print(os.stat(mark).st_mtime - start)
