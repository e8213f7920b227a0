#!/bin/sh
# Train the compact model from ImageNet weights: five phases, then the click protocol on the validation shards.
#
#     sh runs/train_compact.sh DATA [OUT]
#
# DATA holds one folder of shards (train-*.tar, val-*.tar) per data set, and `cutouts` with objects to paste.
# Stop it at any time; the same command resumes.
set -eu
data=${1:?"give the folder that holds the data sets"}
out=${2:-runs/compact}
python=$(dirname "$0")/../.venv/bin/python  # of make
[ -x "$python" ] || python=python3
python=${PYTHON:-$python}

# glibc returns every large buffer to the kernel and faults it in again, which takes a quarter of the time.
for jemalloc in /usr/lib/*/libjemalloc.so.2 /usr/lib64/libjemalloc.so.2; do
    if [ -e "$jemalloc" ]; then
        export LD_PRELOAD="$jemalloc"
        export MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always,oversize_threshold:0
    fi
done

sets=
for folder in "$data"/*/; do
    name=$(basename "$folder")
    [ "$name" = cutouts ] || sets="$sets ${folder%/}"
done
if [ -d "$data/cutouts" ]; then cutouts=$data/cutouts; else cutouts=; fi

mkdir -p "$out"
# shellcheck disable=SC2086
"$python" -m anymask train compact_192 --data $sets --set cutouts="$cutouts" -o "$out/compact_192"
# shellcheck disable=SC2086
"$python" -m anymask train compact_256 --data $sets \
    --set cutouts="$cutouts" init="$out/compact_192" -o "$out/compact_256"
# shellcheck disable=SC2086
"$python" -m anymask train compact_all --data $sets \
    --set cutouts="$cutouts" init="$out/compact_256" -o "$out/compact_all"
# shellcheck disable=SC2086
"$python" -m anymask train compact_384 --data $sets \
    --set cutouts="$cutouts" init="$out/compact_all" -o "$out/compact_384"
# shellcheck disable=SC2086
"$python" -m anymask train compact_scores --data $sets \
    --set cutouts="$cutouts" init="$out/compact_384" -o "$out/compact"
# shellcheck disable=SC2086
"$python" -m anymask eval clicks --data $sets --split val --model "$out/compact" --baseline grabcut \
    -o "$out/report.json" --force
