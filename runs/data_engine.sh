#!/bin/sh
# A whole turn of the data engine, as a simulation: people who know the true masks work on photos without them.
#
#     sh runs/data_engine.sh DATASET [OUT] [IMAGES]
#
# DATASET: images with masks in any form that `anymask train` reads. OUT: a new folder. IMAGES: how many photos,
# 80 by default; a quarter of them for each turn: two by clicks, one with suggestions, one fully automatic.
# What people do and how long they take is stated in benchmarks/simulated_people.py.
# RETRAIN, SUGGEST, AUTO: further options of `anymask engine retrain`, `engine suggest` and `auto`.
set -eu
data=${1:?"give images with masks"}
out=${2:-runs/data_engine}
count=${3:-80}
root=$(dirname "$0")/..
python=$root/.venv/bin/python  # of make
[ -x "$python" ] || python=python3
python=${PYTHON:-$python}
people="$python $root/benchmarks/simulated_people.py"
photos=$out/photos
[ ! -e "$out" ] || { echo "OUT must be a new folder, got $out." >&2; exit 2; }

quarter=$((count / 4))
half=$((2 * quarter))
third=$((3 * quarter))
# shellcheck disable=SC2086
{
    $people prepare "$data" "$out" --images "$count"
    $people work "$out" 0 $quarter "assisted" ${MODEL:+--model "$MODEL"}
    "$python" -m anymask engine retrain "$photos" ${MODEL:+--model "$MODEL"} ${RETRAIN:-}
    $people work "$out" $quarter $half "assisted, retrained" ${MODEL:+--model "$MODEL"}
    "$python" -m anymask engine retrain "$photos" ${MODEL:+--model "$MODEL"} ${RETRAIN:-}
    "$python" -m anymask engine suggest "$photos" --max-images $quarter ${SUGGEST:-}
    $people work "$out" $half $third "suggested, retrained twice" ${MODEL:+--model "$MODEL"}
    "$python" -m anymask engine retrain "$photos" ${MODEL:+--model "$MODEL"} ${RETRAIN:-}
}
# The last quarter is fully automatic.
mkdir "$out/last"
for photo in $(ls "$photos" | tail -n $((count - third))); do
    cp "$photos/$photo" "$out/last/"
done
version=$("$python" -m anymask engine models "$photos" | sed -n 's/^elsewhere: //p')
# shellcheck disable=SC2086
"$python" -m anymask auto "$out/last" -o "$out/automatic" $version ${AUTO:-}
"$python" -m anymask engine audit "$out/automatic" -o "$out/audit"
$people judge "$out"
"$python" -m anymask data analyse "$out/automatic" -o "$out/report"
echo "What people did:"
$people curve "$out"
"$python" -m anymask engine models "$photos"
"$python" -m anymask engine status "$photos"
"$python" -m anymask engine audit "$out/audit"
