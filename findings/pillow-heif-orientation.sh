#!/usr/bin/env bash
# pillow-heif 1.8.1: an image saved as HEIF with an EXIF orientation of 6 is never shown turned.
# Saving writes no rotation box (irot), and opening resets the tag in the EXIF block to 1, so that
# ImageOps.exif_transpose has nothing to do. JPEG with the same EXIF block is turned.
# Seen: size (96, 64) after exif_transpose for HEIF, (64, 96) for JPEG; only info["original_orientation"] still says 6.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check pillow-heif==1.8.1 pillow==12.3.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import pillow_heif
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()
image = Image.new("RGB", (96, 64), (200, 30, 30))
exif = Image.Exif()
exif[274] = 6
sizes = {}
for name in ("a.jpg", "a.heic"):
    image.save(name, exif=exif)
    opened = Image.open(name)
    sizes[name] = ImageOps.exif_transpose(opened).size
    print(name, "tag", opened.getexif().get(274), "after exif_transpose", sizes[name], opened.info.get("original_orientation"))
print("irot box written:", b"irot" in open("a.heic", "rb").read())
assert sizes["a.jpg"] == (64, 96)
assert sizes["a.heic"] == (96, 64) and b"irot" not in open("a.heic", "rb").read(), "the behaviour has changed"
PY
