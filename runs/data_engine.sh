#!/bin/sh
# A whole turn of the data engine, as a simulation: people who know the true masks work on photos without them.
#
#     sh runs/data_engine.sh DATASET [OUT] [IMAGES] [OPTION]...
#
# DATASET: images with masks in any form that `anymask train` reads. OUT: a new folder. IMAGES: how many photos,
# 80 by default; a quarter of them for each turn: two by clicks, one with suggestions, one fully automatic.
# What people do and how long they take is stated in benchmarks/data_engine.py, which takes the options.
set -eu
data=${1:?"give images with masks"}
out=${2:-runs/data_engine}
count=${3:-80}
root=$(dirname "$0")/..
python=$root/.venv/bin/python  # of make
[ -x "$python" ] || python=python3
[ $# -le 3 ] && shift $# || shift 3
exec "${PYTHON:-$python}" "$root/benchmarks/data_engine.py" "$data" "$out" --images "$count" "$@"
