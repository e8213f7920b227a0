"""The Label Studio backend: messages as its documentation shows them, images from Label Studio alone."""

from __future__ import annotations

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import anymask
from anymask.errors import FormatError, ImageError, InputError
from anymask.formats.brush import from_brush
from anymask.geometry import rle
from anymask.integrations.label_studio import prompt_of, read_config
from anymask.integrations.label_studio_server import Backend, create_app, main

CONFIG = """
<View>
  <!-- clicks -->
  <Image name="photo" value="$image" zoom="true"/>
  <BrushLabels name="brush" toName="photo"><Label value="cat"/><Label value="dog"/></BrushLabels>
  <KeyPointLabels name="points" toName="photo" smart="true"><Label value="dog"/></KeyPointLabels>
</View>
"""


def click(x: float, y: float, *, inside: bool = True) -> dict:
    """A click as the page of Label Studio sends it, in per cent."""
    value = {"x": x, "y": y, "width": 0.5, "keypointlabels": ["dog"]}
    return {"type": "keypointlabels", "value": value, "is_positive": inside, "from_name": "points"}


class Home(BaseHTTPRequestHandler):
    """Label Studio's part: files for those with the token, and a redirect away."""

    data = b""
    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/secret")
            self.end_headers()
            return
        is_user = self.headers.get("Authorization") in ("Token secret", "Bearer access")
        known = is_user and self.path == "/data/upload/1/cat.jpg"
        self.send_response(200 if known else 404)
        self.end_headers()
        if known:
            self.wfile.write(self.data)

    def do_POST(self) -> None:
        """Access for a personal access token."""
        type(self).asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.path == "/api/token/refresh/" and body == {"refresh": "a.personal.token"}
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(b'{"access": "access"}')

    def log_message(self, *given: object) -> None:
        pass


@pytest.fixture(scope="module")
def model():
    return anymask.load("compact")


@pytest.fixture
def home(photos: Path) -> Iterator[str]:
    Home.data, Home.asked = (photos / "cat.jpg").read_bytes(), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Home)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def client(home: str, model) -> TestClient:
    return TestClient(create_app(Backend(model, "anymask-compact", home, "secret")))


def asked(*context: dict, image: str = "/data/upload/1/cat.jpg", **more: object) -> dict:
    params = {"context": {"result": list(context)}} if context else {}
    return {"tasks": [{"id": 1, "data": {"image": image}}], "label_config": CONFIG, "params": params, **more}


def test_a_click_becomes_a_brush_mask_of_the_same_model(client: TestClient, model, photos: Path) -> None:
    answer = client.post("/predict", json=asked(click(44.35, 50), click(5, 5, inside=False)))
    assert answer.status_code == 200
    (found,) = answer.json()["results"]
    assert found["model_version"] == "anymask-compact"
    (region,) = found["result"]
    size = (region["original_height"], region["original_width"])
    assert size == (300, 451)
    assert (region["from_name"], region["to_name"], region["type"]) == ("brush", "photo", "brushlabels")
    assert region["value"]["brushlabels"] == ["dog"]
    prompt = anymask.Prompt([[44.35 * 4.51, 150], [22.55, 15]], [1, 0])
    expected = anymask.predict(model, photos / "cat.jpg", [prompt], multimask=False)
    assert rle.iou([from_brush(region["value"]["rle"], size)], [expected.rles[0]])[0, 0] > 0.99


def test_the_second_click_fetches_nothing(client: TestClient) -> None:
    for x in (44, 50):
        assert client.post("/predict", json=asked(click(x, 50))).status_code == 200
    assert Home.asked == ["/data/upload/1/cat.jpg"]


def test_a_personal_access_token_is_exchanged_once(home: str, model) -> None:
    """Label Studio takes no legacy tokens by default since 1.18."""
    backend = Backend(model, "v", home, "a.personal.token")
    for _ in range(2):
        assert backend.fetch("/data/upload/1/cat.jpg") == Home.data
    assert Home.asked == ["/api/token/refresh/", *["/data/upload/1/cat.jpg"] * 2]
    with pytest.raises(ImageError, match=r"must be fetched, got Unauthorized\. Check"):
        Backend(model, "v", home, "another.personal.token").fetch("/data/upload/1/cat.jpg")


def test_the_handshake(client: TestClient) -> None:
    assert client.get("/health").json()["status"] == "UP"
    assert client.post("/setup", json={"project": "1", "schema": CONFIG}).json() == {
        "model_version": "anymask-compact"
    }
    assert client.get("/versions").json() == {"versions": ["anymask-compact"]}
    assert client.post("/webhook", json={"action": "START_TRAINING"}).status_code == 201
    without = client.post("/setup", json={"schema": "<View/>"})
    assert (without.status_code, "must have <BrushLabels>" in without.json()["detail"]) == (400, True)


def test_without_clicks_there_is_nothing_unless_it_is_asked_for(client: TestClient, home: str, model) -> None:
    assert client.post("/predict", json=asked()).json()["results"][0]["result"] == []
    assert Home.asked == []
    pixels = np.full((64, 64, 3), 30, np.uint8)
    pixels[16:48, 16:48] = 220
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    image = "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
    eager = TestClient(create_app(Backend(model, "v", home, automatic=True)))
    regions = eager.post("/predict", json=asked(image=image)).json()["results"][0]["result"]
    assert regions
    assert {region["value"]["brushlabels"][0] for region in regions} == {"cat"}


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("http://169.254.169.254/latest", "must be at 127.0.0.1"),
        ("file:///etc/passwd", "must be at 127.0.0.1"),
        ("/away", "must be fetched"),
        ("/data/upload/1/gone.jpg", "must be fetched, got Not Found"),
        ("data:image/png;base64,%%", "base64"),
        ("data:image/png;base64,aGVsbG8=", "image"),
        ("", "address of an image"),
    ],
)
def test_images_that_cannot_be_reached_are_named(client: TestClient, image: str, words: str) -> None:
    answer = client.post("/predict", json=asked(click(50, 50), image=image))
    assert (answer.status_code, words in answer.json()["detail"]) == (400, True), answer.json()


@pytest.mark.parametrize(
    "body",
    [
        b"no json",
        b"[]",
        b'{"tasks": 3, "label_config": "<View>"}',
        b'{"tasks": [], "label_config": "<!DOCTYPE a [<!ENTITY b \\"c\\">]><View/>"}',
    ],
)
def test_messages_that_cannot_be_read_are_answered_with_a_sentence(client: TestClient, body: bytes) -> None:
    answer = client.post("/predict", content=body)
    assert answer.status_code == 400
    assert " must be " in answer.json()["detail"]


def test_prompts_are_pixels() -> None:
    box = {
        "type": "rectanglelabels",
        "value": {"x": 10, "y": 20, "width": 30, "height": 40, "rectanglelabels": ["a"]},
    }
    prompt, label = prompt_of([box, click(50, 25)], (200, 100))
    assert prompt is not None
    assert (prompt.box.tolist(), prompt.points.tolist(), label) == ([10, 40, 40, 120], [[50, 50]], "dog")
    assert prompt_of([click(5, 5, inside=False)], (9, 9))[0] is None
    with pytest.raises(FormatError, match="Click again"):
        prompt_of([{"type": "keypointlabels", "value": {"x": "left"}}], (9, 9))


def test_the_configuration_is_read() -> None:
    config = read_config(CONFIG)
    assert (config.brush, config.image, config.key, config.labels) == (
        "brush",
        "photo",
        "image",
        ("cat", "dog"),
    )


def test_the_address_of_label_studio_is_checked_first() -> None:
    with pytest.raises(InputError, match="must be an address, got 'localhost'"):
        main(["--label-studio", "localhost"])
