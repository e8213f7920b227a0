#!/usr/bin/env bash
# transformers 5.24.0: return_coco_annotation=True returns no COCO run lengths.
# Documented: "segmentation maps are returned in COCO run-length encoding (RLE) format". Seen: pairs of a start (from 1)
# and a length in row order, as on Kaggle, which pycocotools refuses as counts, and one list more than there are
# segments: the background comes first, so list 0 does not belong to segments_info[0].
# Guessed before running: Kaggle's pairs instead of COCO's counts. Result: as guessed; the extra list was not.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check transformers==5.24.0 torch==2.13.0 numpy==2.4.6 \
  pillow==12.3.0 pycocotools==2.0.11
cd "$work"
"$work/venv/bin/python" - <<'PY'
from types import SimpleNamespace

import numpy as np
import torch
import transformers
from pycocotools import mask as coco_mask
from transformers import Mask2FormerImageProcessorPil

masks = torch.full((1, 2, 384, 384), -10.0)
masks[0, 0, 40:120, 80:280] = 10.0
masks[0, 1, 200:360, 20:80] = 10.0
classes = torch.tensor([[[10.0, -10.0, -10.0], [-10.0, 10.0, -10.0]]])
outputs = SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks)
processor = Mask2FormerImageProcessorPil()
result = processor.post_process_instance_segmentation(outputs, target_sizes=[(384, 384)], return_coco_annotation=True)[0]
lists, segments = result["segmentation"], result["segments_info"]
refused = 0
for counts in lists:
    try:
        coco_mask.decode(coco_mask.frPyObjects({"size": [384, 384], "counts": list(counts)}, 384, 384))
    except ValueError:
        refused += 1


def pixels(pairs: list[int]) -> np.ndarray:
    flat = np.zeros(384 * 384, bool)
    for start, length in zip(pairs[::2], pairs[1::2]):
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(384, 384)


as_pairs = [int(pixels(pairs).sum()) for pairs in lists]
print("transformers", transformers.__version__, "segments:", len(segments), "lists:", len(lists))
print("refused by pycocotools:", refused, "pixels if read as (start, length):", as_pairs)
assert len(segments) == 2 and len(lists) == 3 and refused == 3, "the behaviour has changed"
assert as_pairs[0] == 384 * 384 - 80 * 200 - 160 * 60, "the first list is no longer the background"
PY
