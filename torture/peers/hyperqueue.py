"""Runs a command through HyperQueue's Python interface, with a server and a worker in this process.

    python hyperqueue.py HOME OUTPUT COMMAND [ARGUMENT...]

Imports HyperQueue and the standard library; the cluster owns its own threads.
"""

import os
import sys

# This file has the name of the package, and lies in the first folder of the path.
sys.path.pop(0)

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

with LocalCluster(os.path.join(sys.argv[1], "cluster"), WorkerConfig(cores=1)) as cluster:
    client, job = cluster.client(), Job()
    job.program(sys.argv[3:], stdout=sys.argv[2], stderr=None)
    client.wait_for_jobs([client.submit(job)])
