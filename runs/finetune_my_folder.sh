#!/bin/sh
# Fine-tune a model on a folder of your own images and measure whether it helped.
#
#     sh runs/finetune_my_folder.sh IMAGES [TEST] [OUT] [RECIPE]
#
# IMAGES: a folder with images/ and masks/ (PNG) or SA-1B pairs, shards or a COCO file; start with ten images.
# TEST: images of the same kind that are not in IMAGES; without it, the result is optimistic.
# RECIPE: finetune_decoder (the default), finetune_lora or finetune_all, see docs/fine-tuning.md.
set -eu
images=${1:?"give the folder of images with masks"}
test=${2:-$images}
out=${3:-runs/mine}
recipe=${4:-finetune_decoder}
python=$(dirname "$0")/../.venv/bin/python  # of make
[ -x "$python" ] || python=python3
python=${PYTHON:-$python}

"$python" -m anymask data check "$images"
"$python" -m anymask train "$recipe" --data "$images" -o "$out"
echo "Before:"
"$python" -m anymask eval clicks --data "$test" --model compact
echo "After:"
"$python" -m anymask eval clicks --data "$test" --model "$out"
echo "Use it with: anymask segment PHOTO --point X,Y --model $out"
