#!/bin/sh
# Fine-tune a model on a folder of your own pictures and say whether it helped.
#
#     sh runs/finetune_my_folder.sh PICTURES [TEST] [OUT] [RECIPE]
#
# PICTURES: a folder with images/ and masks/ (PNG), SA-1B pairs, shards or a COCO file; ten pictures are a start.
# TEST: pictures of the same kind that are not in PICTURES; without it, the comparison flatters.
# RECIPE: finetune_decoder (the default), finetune_lora or finetune_all, see docs/fine-tuning.md.
set -eu
pictures=${1:?"give the folder of pictures with masks"}
test=${2:-$pictures}
out=${3:-runs/mine}
recipe=${4:-finetune_decoder}
python=${PYTHON:-python3}

"$python" -m anymask data check "$pictures"
"$python" -m anymask train "$recipe" --data "$pictures" -o "$out"
echo "Before:"
"$python" -m anymask eval clicks --data "$test" --model compact
echo "After:"
"$python" -m anymask eval clicks --data "$test" --model "$out"
echo "Use it by: anymask segment PHOTO --point X,Y --model $out"
