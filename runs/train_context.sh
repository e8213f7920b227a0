#!/bin/sh
# Train the compact in-context model from ImageNet weights: two phases, then few-shot episodes on held-out sets.
#
#     sh runs/train_context.sh DATA [OUT] [LEFT_OUT...]
#
# DATA holds one folder of shards (train-*.tar, val-*.tar) per data set, and `cutouts` with objects to paste.
# LEFT_OUT names held-out sets for evaluation; the default is those of the shipped model.
# Stop it at any time; the same command resumes.
set -eu
data=${1:?"give the folder that holds the data sets"}
out=${2:-runs/context}
[ $# -gt 2 ] && shift 2 || set -- coffee_leaf endangered_animals food fruits_kmo pallets ppe whole_sky work_tools
python=$(dirname "$0")/../.venv/bin/python  # of make
[ -x "$python" ] || python=python3
python=${PYTHON:-$python}

sets=
unseen=
for folder in "$data"/*/; do
    name=$(basename "$folder")
    case " $* cutouts " in
        *" $name "*) [ "$name" = cutouts ] || unseen="$unseen ${folder%/}" ;;
        *) sets="$sets ${folder%/}" ;;
    esac
done

mkdir -p "$out"
# shellcheck disable=SC2086
"$python" -m anymask train context_192 --data $sets --set cutouts="$data/cutouts" -o "$out/context_192"
# shellcheck disable=SC2086
"$python" -m anymask train context --data $sets \
    --set cutouts="$data/cutouts" init="$out/context_192" -o "$out/context"
# shellcheck disable=SC2086
"$python" -m anymask eval fewshot --data $unseen --split val --model "$out/context" -o "$out/report.json" --force
