#!/usr/bin/env bash
# ray 2.60.0: with ray.init(log_to_driver=False), the death of an actor's process is still reported on standard output of
# the driver, "(raylet) A worker died or was killed ...". A command that prints JSON for another program has that line in
# the middle of it. Expected: nothing on standard output, as no logs go to the driver; at most a line on standard error.
# Guessed before running: the line goes to standard error. Result: it is on standard output.
# Seen: standard output holds the line "(raylet) A worker died or was killed while executing a task ..." beside "done".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check ray==2.60.0
cd "$work"
cat > driver.py <<'PY'
import os
import time

import ray


@ray.remote(max_restarts=0)
class Actor:
    def leave(self):
        os._exit(1)


ray.init(num_cpus=1, log_to_driver=False, include_dashboard=False, object_store_memory=100_000_000)
try:
    ray.get(Actor.remote().leave.remote())
except ray.exceptions.RayActorError:
    time.sleep(10)
print("done")
ray.shutdown()
PY
"$work/venv/bin/python" driver.py > out.txt 2> err.txt
echo "ray 2.60.0, standard output:"
cut -c1-100 out.txt
grep -q "(raylet)" out.txt || { echo "the behaviour has changed"; exit 1; }
