"""Reads damaged annotation files of every format, found by hypothesis, for some minutes each.

    python benchmarks/fuzz_formats.py --minutes 3 [FORMAT]...

Anything but records or an AnymaskError is a find: it is printed with the file that caused it, and the exit
code is 1. Also told: damage that no reader foresaw (a record "must be readable").
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from anymask import formats
from anymask.errors import AnymaskError
from anymask.geometry import rle
from anymask.images import write as images
from anymask.types import Masks, Record

SIZE = (20, 30)
FILES = {
    "davis": "Annotations/Full-Resolution/video/a.png",
    "masks": "000.png",
    "mots": "a.txt",
    "voc": "SegmentationObject/a.png",
    "yolo": "labels/a.txt",
    "youtubevos": "meta.json",
}
"""The file that is damaged, of formats that are folders."""
FOLDERS = {"davis", "masks", "voc", "youtubevos"}
"""Those of them that are read as a folder."""
NASTY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.sampled_from([1 << 31, -(1 << 63), 1 << 70, 1e308, -1e308, 0.5, 5e-324, 10.0]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["", "1", "0x", "nan", "../a", "polygon", "mask", "[", "data:image/png;base64,AAAA"]),
    st.lists(st.floats(-5, 50), max_size=8),
    st.lists(st.lists(st.one_of(st.floats(), st.text(max_size=2)), max_size=7), max_size=3),
    st.dictionaries(
        st.sampled_from(["size", "counts", "points", "type", "name", "a"]), st.integers(), max_size=2
    ),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("formats", nargs="*", default=sorted(formats.READERS))
    parser.add_argument("--minutes", type=float, default=3.0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    finds = 0
    for name in asked.formats:
        run = Run(name)
        run.go(60 * asked.minutes)
        print(f"{name}: {run.files:,} files, {run.records:,} records, {len(run.finds)} finds, "
              f"{len(run.unforeseen)} kinds of damage unforeseen", flush=True)  # fmt: skip
        for text in [*run.finds.values(), *run.unforeseen.values()]:
            print("  ", text, flush=True)
        finds += len(run.finds)
    return min(finds, 1)


class Run:
    """One format."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.files = self.records = 0
        self.finds: dict[str, str] = {}
        self.unforeseen: dict[str, str] = {}
        self.folder = Path(tempfile.mkdtemp())
        images.write_png(np.zeros((*SIZE, 3), np.uint8), self.folder / "a.png")
        self.suffix = formats.READERS[name].suffix
        self.seeds = seeds(name, self.folder)

    def go(self, seconds: float) -> None:
        """Read damaged files until the time is over."""
        end = time.monotonic() + seconds

        @settings(
            max_examples=100, deadline=None, database=None, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(st.data())
        def one(data: Any) -> None:
            self.read(self.damaged(data))

        while time.monotonic() < end:
            one()

    def damaged(self, data: Any) -> bytes:
        """A seed with some of its parts replaced."""
        seed = data.draw(st.sampled_from(self.seeds))
        count = data.draw(st.integers(1, 4))
        if isinstance(seed, bytes):
            return _bytes(seed, data, count)
        document = copy.deepcopy(seed)
        for _ in range(count):
            document = _replaced(document, data)
        return json.dumps(document).encode("utf-8", "surrogatepass")

    def read(self, content: bytes) -> None:
        self.files += 1
        source = place = self.folder / f"set{self.suffix}"
        if self.name in ("dota", "yolo"):
            place = self.folder / "a.txt"
            source = self.folder if self.name == "yolo" else place
        elif self.name in FOLDERS:
            source = self.folder / "set"
            place = source / FILES[self.name]
            place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        try:
            for record in formats.stream(
                source, self.name, images=self.folder, boxes=bool(self.files % 2), on_error=self.told
            ):
                self.records += 1
                assert all(rle.area(runs) >= 0 for runs in record.masks.rles)
                assert all(
                    int(r.sum(dtype=np.int64)) == np.prod(record.masks.size) for r in record.masks.rles
                )
        except AnymaskError:
            pass
        except Exception as error:
            self.finds.setdefault(
                f"{type(error).__name__} {error!s:.40}", f"{error!r:.200} {content[:1500]!r}"
            )

    def told(self, id: str, error: Exception) -> None:
        if "must be readable, got" in str(error):
            self.unforeseen.setdefault(re.sub(r"\d+", "#", str(error))[:80], str(error)[:300])


def seeds(name: str, folder: Path) -> list[Any]:
    """Whole files of a format: documents of JSON, else bytes."""
    found: list[Any] = [json.loads(text) for text in OTHERS.get(name, ())]
    found += [text.encode() for text in TEXTS.get(name, ())]
    if formats.READERS[name].open is None:
        return found
    mask = np.zeros(SIZE, bool)
    mask[4:12, 5:20] = True
    mask[6:8, 8:10] = False
    masks = Masks.from_dense(mask[None], scores=[0.5], labels=[1])
    record = Record("a", folder / "a.png", masks, meta={"categories": ["cat"]})
    for polygons in (False, True):
        is_folder = formats.FORMATS[name].always_folder
        target = folder / f"seed{polygons}{'' if is_folder else formats.FORMATS[name].suffix}"
        formats.write(record, target, name, outlines=formats.Outlines(polygons=polygons), force=True)
        file = target / FILES[name] if name in FILES else target
        data = file.read_bytes()
        found.append(json.loads(data) if file.suffix in (".json", ".geojson") else data)
        if polygons and name in FOLDERS:
            target.rename(folder / "set")  # one of its files is damaged again and again
        elif target.is_dir():
            for inner in sorted(target.rglob("*"), reverse=True):
                inner.rmdir() if inner.is_dir() else inner.unlink()
            target.rmdir()
        else:
            target.unlink()
    return found


def _replaced(document: Any, data: Any) -> Any:
    """A document with one of its values replaced, removed or given twice."""
    places = list(_places(document, ()))
    path = data.draw(st.sampled_from(places))
    if not path:
        return data.draw(NASTY) if data.draw(st.integers(0, 20)) == 0 else document
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    how = data.draw(st.integers(0, 4))
    if how == 0:
        del inner[path[-1]]
    elif how == 1 and isinstance(inner, list):
        inner.append(copy.deepcopy(inner[path[-1]]))
    else:
        inner[path[-1]] = data.draw(NASTY)
    return document


def _places(value: Any, path: tuple[Any, ...]) -> Any:
    yield path
    if isinstance(value, (dict, list)):
        for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value))[:12]:
            yield from _places(inner, (*path, key))


def _bytes(seed: bytes, data: Any, count: int) -> bytes:
    damaged = bytearray(seed)
    for _ in range(count):
        at = data.draw(st.integers(0, max(len(damaged) - 1, 0)))
        span = data.draw(st.integers(0, 3))
        new = data.draw(
            st.sampled_from([b"", b"9", b"-", b'"', b"<", b"nan", b"1e999", b"\xff", b"\0", b" ", b"\n"])
        )
        damaged[at : at + span] = new
    return bytes(damaged)


SQUARE = "[[4,5],[10,5],[10,12],[4,12]]"
RESULT = '{"id":"r","type":"%s","to_name":"image","original_width":30,"original_height":20,"value":%s}'
OTHERS: dict[str, list[str]] = {
    "coco": [
        '{"images":[{"id":1,"width":30,"height":20,"file_name":"a.png"}],"annotations":[{"id":1,"image_id":1,'
        '"category_id":1,"segmentation":[[4,5,10,5,10,12],[1,1,2,2]],"bbox":[4,5,6,7],"iscrowd":0},{"id":2,'
        '"image_id":1,"category_id":1,"segmentation":{"size":[20,30],"counts":[10,20,570]},"iscrowd":1,"score":0.5}],'
        '"categories":[{"id":1,"name":"x"}]}',
        '[{"image_id":1,"category_id":1,"score":0.5,"segmentation":{"size":[20,30],"counts":[10,20,570]}}]',
    ],
    "labelme": [
        '{"imagePath":"a.png","imageHeight":20,"imageWidth":30,"imageData":null,"shapes":['
        + ",".join(
            f'{{"label":"x","points":{points},"shape_type":"{kind}","group_id":null,"score":null}}'
            for kind, points in (
                ("polygon", SQUARE),
                ("rectangle", "[[1,1],[4,5]]"),
                ("circle", "[[9,9],[9,12]]"),
                ("rotation", SQUARE),
                ("oriented_rectangle", SQUARE),
                ("linestrip", SQUARE),
                ("point", "[[1,1]]"),
            )
        )
        + "]}"
    ],
    "labelstudio": [
        '[{"id":1,"data":{"image":"/data/upload/1/0a1b2c3d-a.png"},"annotations":[{"was_cancelled":false,"result":['
        + ",".join(
            RESULT % one
            for one in (
                ("polygonlabels", f'{{"points":{SQUARE},"polygonlabels":["x"]}}'),
                (
                    "rectanglelabels",
                    '{"x":1,"y":2,"width":30,"height":40,"rotation":5,"rectanglelabels":["x"]}',
                ),
                ("ellipselabels", '{"x":50,"y":50,"radiusX":10,"radiusY":5,"ellipselabels":["x"]}'),
                ("vectorlabels", '{"closed":true,"vertices":[{"x":1,"y":1},{"x":50,"y":1},{"x":50,"y":50}]}'),
                (
                    "vectorlabels",
                    '{"closed":true,"vertices":[{"id":"a","x":1,"y":1,"isBezier":true,"controlPoint2":{"x":9,"y":2}},'
                    '{"id":"b","prevPointId":"a","x":50,"y":1},{"id":"c","prevPointId":"b","x":50,"y":50}]}',
                ),
                ("choices", '{"choices":["dark"]}'),
                ("bitmasklabels", '{"imageDataURL":"data:image/png;base64,iVBORw0KGgo="}'),
                ("brushlabels", '{"format":"rle","rle":[0,0,9,96,60,155,255]}'),
            )
        )
        + ']}],"predictions":[{"result":[]}]}]',
        '[{"id":1,"image":"a.png","label":[{"points":[[1,1],[50,1],[50,50]],"polygonlabels":["A"],'
        '"original_width":30,"original_height":20}]}]',
    ],
    "geojson": [
        '{"type":"FeatureCollection","features":[{"type":"Feature","id":"1","geometry":{"type":"Polygon",'
        '"coordinates":[[[4,5],[10,5],[10,12],[4,5]]]},"properties":{"classification":{"name":"T"}}},'
        '{"type":"Feature","geometry":{"type":"GeometryCollection","geometries":[{"type":"Polygon","coordinates":'
        '[[[1,1],[5,1],[5,5],[1,1]]]}]},"properties":{}}]}',
        '{"type":"Feature","geometry":{"type":"Point","coordinates":[1,2]},"properties":null}',
    ],
    "datumaro": [
        '{"categories":{"label":{"labels":[{"name":"cat"}]}},"items":[{"id":"a","annotations":['
        '{"type":"polygon","label_id":0,"group":1,"points":[4,5,10,5,10,12],"attributes":{"n":1}},'
        '{"type":"mask","label_id":0,"group":1,"rle":{"size":[20,30],"counts":[10,20,570]}},'
        '{"type":"ellipse","label_id":0,"points":[2,2,8,8]},{"type":"bbox","bbox":[1,2,3,4]},{"type":"caption"}],'
        '"image":{"path":"a.png","size":[20,30]}}]}'
    ],
    "via": [
        '{"project":{},"view":{"1":{"fid_list":["1"]}},"attribute":{"1":{"aname":"class","options":{"0":"cat"}}},'
        '"file":{"1":{"fname":"a.png"}},"metadata":{"a":{"vid":"1","z":[],"xy":[7,4,5,10,5,10,12],"av":{"1":"0"}},'
        '"b":{"vid":"1","z":[1.5],"xy":[2,4,5,6,7],"av":{}}}}',
        '{"a.png1":{"filename":"a.png","size":1,"regions":[{"shape_attributes":{"name":"polygon","all_points_x":'
        '[5,20,20],"all_points_y":[5,5,10]},"region_attributes":{"type":"cat"}},{"shape_attributes":{"name":"rect",'
        '"x":1,"y":2,"width":5,"height":6},"region_attributes":{"k":{"a":true}}},{"shape_attributes":{"name":'
        '"ellipse","cx":9,"cy":9,"rx":4,"ry":3,"theta":0.4}}],"file_attributes":{}}}',
    ],
    "isat": [
        '{"info":{"name":"a.png","width":30,"height":20},"objects":[{"category":"cat","group":1,"segmentation":'
        f'{SQUARE},"layer":1.0,"iscrowd":false}}]}}'
    ],
}
TEXTS: dict[str, list[str]] = {
    "dota": [
        "imagesource:GoogleEarth\ngsd:0.14\n4 5 20 5 20 12 4 12 large-vehicle 1\n1.5 1 9 3 8 9 1 7 ship 0\n",
        "1 1 9 1 9 9 1 9 ship\n1 1 9 1 9 9 1 9 0 0\n",
    ],
    "mots": [
        "1 2001 2 20 30 :d0ja0\n1 10000 10 20 30 0\\9T3lL\n2 2001 2 20 30 :d0ja0\n",
        "0 1 1 20 30 hb0\n",
    ],
    "cvat": [
        '<annotations><version>1.1</version><image id="0" name="a.png" width="30" height="20">'
        '<polygon label="x" points="1,1;9,1;9,9" group_id="1"/>'
        '<box label="x" xtl="1" ytl="2" xbr="8" ybr="9" rotation="30"/>'
        '<ellipse label="x" cx="9" cy="9" rx="4" ry="2"/>'
        '<mask label="x" rle="0, 6" left="1" top="1" width="3" height="2"/>'
        '<polyline points="1,1;2,2"/><tag label="t"/></image></annotations>',
        "<annotations><meta><task><original_size><width>30</width><height>20</height></original_size></task>"
        '</meta><track id="0" label="x"><box frame="0" outside="0" xtl="1" ytl="2" xbr="8" ybr="9"/>'
        '<box frame="1" outside="1" xtl="1" ytl="2" xbr="8" ybr="9"/></track></annotations>',
    ],
    "svg": [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20"><g><path d="M4 5H10V12Z"/>'
        '<rect x="1" y="2" width="4" height="5"/><circle cx="9" cy="9" r="4"/>'
        '<polygon points="1,1 5,1 5,5"/></g><defs><path d="M1 1L2 2L3 1Z"/></defs><line x1="1"/></svg>'
    ],
    "yolo": ["1 0.1 0.1 0.4 0.1 0.4 0.5 0.9\n0 0.5 0.5 0.2 0.2\n2 .1 .1 .5 .1 .5 .5 .91 7\n"],
}

if __name__ == "__main__":
    sys.exit(main())
