#!/usr/bin/env bash
# geopandas 1.2.0: polygons saved as FlatGeobuf come back in another order, numbered anew from 0.
# The driver sorts features by place for its index, and the row numbers of the table are not stored. Expected: row i is what
# was row i, as for GeoPackage, GeoJSON and Shapefile; scores, embeddings or masks kept in an array beside the file otherwise
# belong to other objects, and nothing fails since the number of rows is the same.
# Guessed before running: names and numbers survive all four formats. Result: they do, but not the order.
# Seen: rows a, b, c, d, e are read as d, b, c, e, a from FlatGeobuf, in order from the other three; with
# SPATIAL_INDEX="NO" the order stays.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --disable-pip-version-check geopandas==1.2.0 pyogrio==0.13.0 shapely==2.2.0 pandas==3.1.1 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import geopandas
from shapely import box

corners = {"a": (0, 0), "b": (90, 90), "c": (0, 90), "d": (90, 0), "e": (45, 45)}
table = geopandas.GeoDataFrame(
    {"name": list(corners)}, geometry=[box(x, y, x + 5, y + 5) for x, y in corners.values()], crs="EPSG:3857"
)
found = {}
for kind, options in {"gpkg": {}, "geojson": {}, "shp": {}, "fgb": {}, "plain.fgb": {"SPATIAL_INDEX": "NO"}}.items():
    table.to_file(f"objects.{kind}", **options)
    found[kind] = "".join(geopandas.read_file(f"objects.{kind}")["name"])
print("geopandas", geopandas.__version__, "order:", found)
assert all(found[kind] == "abcde" for kind in ("gpkg", "geojson", "shp", "plain.fgb")), "the others have changed"
assert sorted(found["fgb"]) == list("abcde") and found["fgb"] != "abcde", "the behaviour has changed"
PY
