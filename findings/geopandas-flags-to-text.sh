#!/usr/bin/env bash
# geopandas 1.2.0 with pyogrio 0.13.0: a column of True, False and None is written as text, so False reads back as "False".
# Columns of True and False alone stay flags. Expected: flags with gaps (GeoPackage and GeoJSON both have them), or an
# error. The text "False" counts as true in an if statement, so every object that was marked as not checked, not crowd or
# not valid turns into one that is.
# Guessed before running: flags and None. Result: missed.
# Seen: [True, False, None] comes back as ["True", "False", NaN] from GeoPackage and GeoJSON.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check geopandas==1.2.0 pyogrio==0.13.0 pandas==3.1.1 shapely==2.2.0 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import geopandas
import shapely

boxes = [shapely.box(n, 0, n + 1, 1) for n in range(3)]


def back(flags: list[object], ending: str) -> list[object]:
    frame = geopandas.GeoDataFrame({"checked": flags}, geometry=boxes[: len(flags)], crs="EPSG:4326")
    path = f"{len(flags)}.{ending}"
    frame.to_file(path)
    return geopandas.read_file(path)["checked"].tolist()


for ending in ("gpkg", "geojson"):
    whole, gaps = back([True, False], ending), back([True, False, None], ending)
    print("geopandas", geopandas.__version__, ending, "without gaps:", whole, "with:", gaps, "as flags:", [bool(v) for v in gaps[:2]])
    assert whole == [True, False], "flags without gaps have changed"
    assert gaps[:2] == ["True", "False"] and bool(gaps[1]), "the behaviour has changed"
PY
