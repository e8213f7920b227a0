#!/bin/sh
# Ablations of the compact model's first phase: one change at a time, on a small scale, then the click protocol.
#
#     sh runs/ablate_compact.sh DATA [OUT]
#
# Each run is 250 steps of 12 images from ImageNet weights: minutes on one core. OUT/NAME.txt holds its table.
set -eu
data=${1:?"give the folder that holds the data sets"}
out=${2:-runs/ablations}
python=$(dirname "$0")/../.venv/bin/python  # of make
[ -x "$python" ] || python=python3
python=${PYTHON:-$python}
everyday="voc coco ccp cats carparts kitchen_objects endangered_animals dogs_wild pets600 human"
all=
for folder in "$data"/*/; do
    name=$(basename "$folder")
    [ "$name" = cutouts ] || all="$all $name"
done

# run NAME "SETS" [KEY=VALUE]...
run() {
    name=$1 sets=
    for set in $2; do sets="$sets $data/$set"; done
    shift 2
    [ -e "$out/$name.txt" ] && return
    # shellcheck disable=SC2086
    "$python" -m anymask train compact_192 --data $sets --set cutouts="$data/cutouts" loop.steps=250 \
        optim.schedule=cosine optim.warmup=40 loop.average=0.99 "$@" -o "$out/$name"
    "$python" -m anymask eval clicks --data "$data/coco" "$data/voc" "$data/kitchen_objects" "$data/cats" \
        --split val --max-images 12 --max-masks 6 --no-zoom --model "$out/$name" > "$out/$name.txt.part"
    mv "$out/$name.txt.part" "$out/$name.txt"
}

mkdir -p "$out"
run base "$all"
run voc-coco "voc coco"
run everyday "$everyday"
run no-paste "$all" augment.paste=0
run no-clicks "$all" rounds.clicks=0
run three-clicks "$all" rounds.clicks=3
run encoder-learns "$all" tune=all
run crops-128 "$all" size=128
run crops-256 "$all" size=256
