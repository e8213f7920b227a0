"""Browser benchmark: encoder, decoder, page load to first mask, compared with the reference decoder.

    python benchmarks/browser.py                 # Chromium, all cores, median of 50
    python benchmarks/browser.py --repeats 10 --threads 1 --precision float32

Everything runs in the same Chromium, in a worker with onnxruntime-web, as in the app. "click" is one request
to the app's worker: prompt, decoder, three masks as run lengths at the image size. "decoder" is the network
alone. The reference decoder is the one that `segment-anything` exports (`SamOnnxModel`, three masks, ViT's 64
x 64 grid) with random weights; its output is float masks at the image size. "SAM layout: anymask decoder" is
anymask's export of the same architecture and grid with random weights, as a page loads it (float16).
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from peer import predictor
from playwright.sync_api import Browser, Page, sync_playwright
from timing import print_header

from anymask.app.build_static import build_static
from anymask.app.models import Models
from anymask.app.settings import Settings
from anymask.models import Sam, build
from anymask.models.config import SAM_VIT_B, SamConfig, VitConfig
from anymask.onnx_export.graphs import prompt_parts
from anymask.onnx_export.precision import to_float16
from anymask.onnx_export.tracing import trace
from anymask.onnx_export.webassembly import for_webassembly

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
hosting: Any = importlib.import_module("tests.web.serving")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PHOTO, CLICK = "flower", (330.0, 240.0)
SIZE = (427, 640)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--threads", type=int, help="threads of the browser's worker; default: all cores")
    parser.add_argument("--precision", help="precision of the compact model; default: the app's choice")
    parser.add_argument("--cold", type=int, default=5, help="page loads, each in a new browser profile")
    parser.add_argument("--no-peers", dest="peers", action="store_false")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        site = build_static(Path(place, "site"), exported())
        shutil.copytree(Path(__file__).with_name("browser"), site / "bench")
        if options.peers:
            write_peers(site / "bench")
        with hosting.hosted(site) as address, sync_playwright() as playwright:
            path = shutil.which("chromium") or shutil.which("google-chrome")
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS + QUIET)
            report(browser, address, options)
            browser.close()


def exported() -> Path:
    models = Models(Settings(device="cpu"))
    folder = models.exported("compact")
    models.close()
    return folder


def write_peers(folder: Path) -> None:
    """Write the reference decoder and anymask's decoder of the same layout, with the same random weights."""
    torch.manual_seed(0)
    # the encoder is not measured; a single block keeps memory small
    ours = build(SamConfig(VitConfig(dim=768, depth=1, heads=12, global_blocks=(0,)))).eval()
    decoder = next(part for part in prompt_parts(ours) if part.name == "decoder")
    graph = to_float16(for_webassembly(trace(decoder)))  # as a page loads it
    (folder / "ours.onnx").write_bytes(graph.SerializeToString())
    export_released(folder / "released.onnx")


def export_released(path: Path) -> None:
    """Export as scripts/export_onnx_model.py of the released code does, with three masks."""
    peer = predictor(released_layout(), "vit_b").model
    onnx_model = importlib.import_module("segment_anything.utils.onnx").SamOnnxModel(
        peer, return_single_mask=False
    )
    inputs = {
        "image_embeddings": torch.randn(1, 256, 64, 64),
        "point_coords": torch.zeros(1, 2, 2),
        "point_labels": torch.zeros(1, 2),
        "mask_input": torch.zeros(1, 1, 256, 256),
        "has_mask_input": torch.zeros(1),
        "orig_im_size": torch.tensor(SIZE, dtype=torch.float32),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            onnx_model,
            tuple(inputs.values()),
            str(path),
            dynamo=False,
            opset_version=17,
            input_names=list(inputs),
            output_names=["masks", "iou_predictions", "low_res_masks"],
            dynamic_axes={"point_coords": {1: "points"}, "point_labels": {1: "points"}},
        )


def released_layout() -> Sam:
    torch.manual_seed(0)
    return build(SAM_VIT_B).eval()


def report(browser: Browser, address: str, options: argparse.Namespace) -> None:
    print_header(f"In Chromium {browser.version}, onnxruntime-web 1.30.0, median of {options.repeats}")
    page = browser.new_page()
    page.goto(f"{address}bench/index.html")
    found = measure(page, options)
    rows = [
        ("compact: encoder, image to features", found["encode"], 400.0),
        ("compact: click, prompt to run lengths", found["click"], 25.0),
        ("compact: decoder", found["decoder"], None),
    ]
    if options.peers:
        rows += [
            ("SAM layout: anymask decoder", found["ours"], None),
            ("SAM layout: reference decoder", found["released"], None),
        ]
    page.close()
    rows.append(("page load to first mask, cold", cold(browser, address, options.cold), 3000.0))
    print(f"threads {found['threads']}, isolated {found['isolated']}, precision {found['precision']}\n")
    print(f"| {'what':40} |      ms | at most |\n| {'-' * 40} | ------: | ------: |")
    for what, value, most in rows:
        print(f"| {what:40} | {value:7.1f} | {most or '':>7} |")
    if options.peers:
        for name in ("decoder", "ours"):
            print(f"reference / {name}: {found['released'] / found[name]:.1f}")


def measure(page: Page, options: argparse.Namespace) -> dict[str, Any]:
    asked = {
        "repeats": options.repeats,
        "threads": options.threads,
        "precision": options.precision,
        "peers": options.peers,
        "photo": f"{PHOTO}.jpg",
        "click": CLICK,
        "size": SIZE,
    }
    page.set_default_timeout(600_000)
    answer = page.evaluate("async (asked) => (await import('./page.js')).measure(asked)", asked)
    return json.loads(json.dumps(answer))


def cold(browser: Browser, address: str, times: int) -> float:
    """Median ms from opening an image's URL to its first mask, with empty browser caches."""
    found = []
    for _ in range(times):
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        start = time.perf_counter()
        page.goto(f"{address}#/image/{PHOTO}")
        canvas = page.locator("am-image-canvas canvas").last
        canvas.wait_for()
        box = canvas.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.locator(".masks .mask").first.wait_for()
        found.append(1e3 * (time.perf_counter() - start))
        context.close()
    return statistics.median(found)


if __name__ == "__main__":
    main()
