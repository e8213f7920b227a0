"""Tiles of large images: the same pixels at every level, for photos and for TIFF files read by windows."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from anymask.app.tiles import SIDE, levels
from anymask.geometry.frame import Frame

WIDE = (700, 1300)


@pytest.fixture
def smooth() -> np.ndarray:
    """An image (H, W, 3) that JPEG and reduction hardly change."""
    y, x = np.mgrid[: WIDE[0], : WIDE[1]]
    return np.stack([x * 255 / WIDE[1], y * 255 / WIDE[0], np.full(WIDE, 128)], axis=-1).astype(np.uint8)


@pytest.fixture(params=["png", "tif"])
def wide(request, folder, smooth, start) -> tuple:
    """A client and the id of an image of several tiles."""
    for file in folder.glob("*.jpg"):
        file.unlink()
    if request.param == "png":
        Image.fromarray(smooth).save(folder / "a.png")
    else:
        tifffile.imwrite(folder / "a.tif", smooth, tile=(128, 128), photometric="rgb")
    client = start()
    return client, client.get("/api/images").json()["images"][0]["id"]


def tile(client, id: str, level: int, column: int, row: int) -> np.ndarray:
    answer = client.get(f"/api/images/{id}/tiles/{level}/{column}/{row}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg"), answer.text[:200]
    return np.asarray(Image.open(io.BytesIO(answer.content)), int)


def test_levels_end_with_one_tile() -> None:
    assert [levels(size) for size in ((1, 1), (512, 512), (513, 9), (9, 1024), (29417, 1125))] == [
        1,
        1,
        2,
        2,
        7,
    ]


def test_tiles_are_the_image(wide, smooth) -> None:
    client, id = wide
    whole = np.zeros((*WIDE, 3), int)
    for row in range(2):
        for column in range(3):
            part = tile(client, id, 0, column, row)
            whole[row * SIDE : row * SIDE + len(part), column * SIDE : column * SIDE + part.shape[1]] = part
    assert np.abs(whole - smooth).max() < 8
    assert tile(client, id, 1, 1, 0).shape == (350, 650 - 512, 3)
    last = tile(client, id, levels(WIDE) - 1, 0, 0)
    assert last.shape == (175, 325, 3)
    assert np.abs(last[80, 160] - smooth[320, 642]).max() < 6


def test_tiles_outside_the_image_are_none(wide) -> None:
    client, id = wide
    for place in ("0/3/0", "0/0/2", "3/0/0", "20/0/0"):
        assert client.get(f"/api/images/{id}/tiles/{place}").status_code == 404
    for place in ("-1/0/0", "99/0/0", "0/x/0"):
        assert client.get(f"/api/images/{id}/tiles/{place}").status_code == 422
    answer = client.get(f"/api/images/{id}/tiles/0/0/0")
    again = client.get(f"/api/images/{id}/tiles/0/0/0", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_replaced_image_has_new_tiles(folder, start) -> None:
    client = start()
    one = client.get("/api/images").json()["images"][0]
    before = tile(client, one["id"], 0, 0, 0)
    Image.fromarray(np.zeros((300, 451, 3), np.uint8)).save(folder / one["name"])
    assert before.max() > 100 > tile(client, one["id"], 0, 0, 0).max()


@pytest.mark.filterwarnings("ignore::anymask.errors.ImageWarning")
def test_bands_are_chosen(folder, start) -> None:
    samples = np.zeros((60, 80, 5), np.uint16)
    for band in range(5):
        samples[10 * band : 10 * band + 10, :, band] = 1000 * (band + 1)
    tifffile.imwrite(folder / "a.tif", samples, planarconfig="contig", photometric="minisblack")
    client = start()
    ids = {one["name"]: one["id"] for one in client.get("/api/images").json()["images"]}
    assert client.get(f"/api/images/{ids['a.tif']}/bands").json() == {"bands": 5}
    assert client.get(f"/api/images/{ids['cat.jpg']}/bands").json() == {"bands": 0}
    file = client.get(f"/api/images/{ids['a.tif']}/file?bands=5,3,1&stretch=0,100")
    pixels = np.asarray(Image.open(io.BytesIO(file.content)))
    assert [pixels[10 * band + 5, 40].tolist() for band in range(5)] == [
        [0, 0, 255],
        [0, 0, 0],
        [0, 255, 0],
        [0, 0, 0],
        [255, 0, 0],
    ]
    missing = client.get(f"/api/images/{ids['a.tif']}/file?bands=6")
    assert (missing.status_code, "from 1 to 5" in missing.json()["error"]) == (400, True)
    assert client.get(f"/api/images/{ids['a.tif']}/file?bands=red").status_code == 422


def test_a_region_is_what_a_model_sees(wide, smooth) -> None:
    client, id = wide

    def region(window: str, size: str) -> np.ndarray:
        answer = client.get(f"/api/images/{id}/region?region={window}&size={size}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), answer.text[:200]
        return np.asarray(Image.open(io.BytesIO(answer.content)), int)

    assert np.array_equal(region("10,20,310,220", "200,300"), smooth[20:220, 10:310])
    part = Frame((200, 300), (80, 120), (80, 120)).resize(np.ascontiguousarray(smooth[20:220, 10:310]))
    assert np.array_equal(region("10,20,310,220", "80,120"), part)
    assert region("10,20,20,30", "64,64").shape == (64, 64, 3), "a small crop is enlarged"
    whole = Frame(WIDE, (35, 65), (35, 65)).resize(smooth)
    assert np.abs(region("0,0,1300,700", "35,65") - whole).max() <= 2, "averaged down first"
    for window, size, status in (
        ("0,0,1301,700", "9,9", 404),
        ("5,5,5,9", "9,9", 404),
        ("0,0,9,9", "5000,9", 400),
        ("0,0,9", "9,9", 422),
        ("0,0,9,9", "0,9", 422),
    ):
        answer = client.get(f"/api/images/{id}/region?region={window}&size={size}")
        assert answer.status_code == status, window
