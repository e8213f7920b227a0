"""The options of `anymask auto`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anymask.cli.options import shared
from anymask.cli.options.command import Command
from anymask.cli.options.values import integer, number, whole

if TYPE_CHECKING:
    from anymask.cli.parser import Parser

__all__ = ["COMMAND", "Options"]


@dataclass(frozen=True)
class Options:
    """The parsed options; None stands for a default that the library chooses."""

    source: str
    output: str | None
    points_per_side: int | None
    pixels_per_point: float | None
    points_file: str | None
    roi: str | None
    crops: int | None
    one_pass: bool
    detector: str | None
    candidates: int | None
    min_iou: float | None
    min_stability: float | None
    nms: float | None
    min_area: int | None
    min_component: int | None
    min_hole: int | None
    max_cover: float | None
    tile: int | None
    tile_overlap: int | None
    bands: str | None
    stretch: str | None
    limits: str | None
    max_memory: str | None
    compile: bool
    granularity: float | None
    shards: float | None
    workers: str | None
    images_per_shard: int | None
    verify: bool
    estimate: bool
    tree: bool
    overlay: bool
    edges: bool
    labelmap: bool
    cover: bool
    names: str | None
    view: bool
    model: str
    device: str
    offline: bool
    as_json: bool
    force: bool


def declare(parser: Parser) -> None:
    """Declare the options."""
    parser.add_argument(
        "source",
        metavar="IMAGE",
        help="An image, a folder (its images and those of its subfolders, without hidden ones), a LIST.txt "
        "with one file name per line, or an address such as s3://bucket/folder.",
        hint="For several images give a folder or a LIST.txt.",
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help="For one image OUT.json (SA-1B's format; default: <name of IMAGE>-masks.json in the current "
        "folder, or no file of masks with --json), OUT.png (a label map), and for a GeoTIFF also "
        "OUT.geojson or OUT.gpkg. For many images the folder of the data set.",
    )
    shared.declare_overlay(parser)
    shared.declare_open(
        parser,
        "Open the overlay in the system's viewer; implies --overlay. For many images open their contact "
        "sheet, OUT/sheet/sheet.jpg, instead.",
    )
    shared.declare_json(parser)
    shared.declare_force(parser)
    parser.section("Prompts and passes")
    _declare_prompts(parser)
    parser.section("Which masks are kept")
    _declare_filters(parser)
    parser.section("More to write")
    _declare_outputs(parser)
    parser.section("How images are read")
    shared.declare_bands(parser)
    shared.declare_max_memory(parser)
    parser.section("Many and large images")
    _declare_large(parser)
    _declare_workers(parser)
    parser.section("Model")
    shared.declare_model(parser)
    parser.add_argument(
        "--compile",
        action="store_true",
        help="Compile the encoder: takes a minute once, then less time per image. For many images on a GPU.",
    )


def _declare_prompts(parser: Parser) -> None:
    shared.declare_points_per_side(parser, None, "32; for compact 14, and 2 in each crop")
    for name, read, metavar, text in (
        ("--pixels-per-point", number, "K", "One point for each K x K pixels instead."),
        ("--points-file", str, "FILE", "Your own points instead: x,y in pixels, one per line."),
        (
            "--roi",
            str,
            "X0,Y0,X1,Y1|FILE",
            "Restrict the points to a region: a box, or an image of the same size in which anything but "
            "black is inside.",
        ),
        ("--crops", integer, "N", "Add N layers of crops: 2 x 2, then 4 x 4. Default: 0; for compact 1."),
    ):
        parser.add_argument(name, type=read, metavar=metavar, help=text)
    parser.add_argument(
        "--one-pass",
        action="store_true",
        help="Predict each mask once, from the whole image: coarser, and several times faster for compact, "
        "which else refines the masks on which points agree in close-up crops.",
    )
    shared.declare_detector(parser)
    shared.declare_candidates(
        parser,
        None,
        "Give the N best proposals, ranked by the mean of score and stability, from a grid of 64 x 64 "
        "points without thresholds.",
    )


def _declare_filters(parser: Parser) -> None:
    for name, read, metavar, text in (
        ("--min-iou", number, "X", "Least predicted IoU, 0 to 1. Default: the model's own."),
        ("--min-stability", number, "X", "Least stability, 0 to 1. Default: the model's own."),
        (
            "--nms",
            number,
            "X",
            "Of two masks whose boxes have a higher IoU than X keep the better one. Default: 0.7.",
        ),
        ("--min-area", integer, "PX", "Drop masks with fewer pixels."),
        ("--min-component", integer, "PX", "Remove smaller islands of a mask."),
        ("--min-hole", integer, "PX", "Fill smaller holes of a mask."),
        ("--max-cover", number, "X", "Drop masks that cover more than this share of the image, 0 to 1."),
    ):
        parser.add_argument(name, type=read, metavar=metavar, help=text)
    parser.add_argument(
        "--granularity",
        type=number,
        metavar="G",
        help="Keep one level of the mask hierarchy, from 0 (top-level masks) to 1 (leaf masks). "
        "Default: all masks.",
    )


def _declare_large(parser: Parser) -> None:
    shared.declare_tile(parser, " and merge the masks that tile edges cut")
    parser.add_argument(
        "--tile-overlap",
        type=integer,
        metavar="PX",
        help="Pixels that tiles share. Default: a quarter of the tile.",
    )
    parser.add_argument(
        "--shards",
        type=number,
        metavar="MB",
        help="For a folder or a list: write tar shards and close each once it holds MB megabytes.",
    )


def _declare_outputs(parser: Parser) -> None:
    parser.add_argument(
        "--tree", action="store_true", help="Note in the JSON each mask's parent: its id, or null."
    )
    for name, text in (
        ("--edges", "Also write an edge map, a grey image of 16 bits."),
        ("--labelmap", "Also write a label map: each pixel has the number of the smallest mask there."),
        ("--cover", "As --labelmap, with no pixel left without a number: masks grow until they meet."),
    ):
        parser.add_argument(name, action="store_true", help=text)
    parser.add_argument(
        "--names",
        metavar="NAME,NAME,...",
        help="Note in the JSON the category of each mask: the likeliest of these English names, or null.",
    )


def _declare_workers(parser: Parser) -> None:
    parser.add_argument(
        "--workers",
        metavar="N|ray|ADDRESS",
        help="For a folder, a list or an address: N processes, or actors of Ray: ray starts one on this "
        "machine, auto and ray://HOST:PORT take a cluster. Each has one thread unless --threads says more.",
    )
    parser.add_argument(
        "--images-per-shard",
        type=whole(1),
        metavar="N",
        help="With --workers: images in each shard. Default: a 64th of all, at most 512.",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="With --workers: compare the hashes of shards that are there already, not their sizes alone.",
    )
    parser.add_argument(
        "--plan",
        dest="estimate",
        action="store_true",
        help="Only measure a few images, and print what the run would take; nothing is written.",
    )


COMMAND = Command(
    name="auto",
    usage="IMAGE|FOLDER|LIST.txt|ADDRESS [-o OUT] [OPTION]...",
    summary="Generate masks of all objects in an image, or in many.",
    details="Generate masks of all objects in an image, or in all images of a folder or a list.\n\n"
    "  anymask auto photo.jpg --overlay\n"
    "  anymask auto photo.jpg -o parts.json --granularity 1 --labelmap --cover\n"
    "  anymask auto field.tif -o field.gpkg --bands 4,3,2 --tile 1024\n"
    "  anymask auto photos/ -o dataset --min-area 100\n"
    "  anymask auto photos/ -o dataset --shards 1000\n"
    "  anymask auto photos/ -o dataset --workers 2\n"
    "  anymask auto s3://bucket/photos -o s3://bucket/dataset --workers ray\n\n"
    "One image gives one file of masks, and others named after it: OUT-overlay.jpg, OUT-edges.png, "
    "OUT-labels.png. A folder or a list gives a data set, the folder OUT: <id>.jpg with <id>.json in SA-1B's "
    "format (with --shards in tar files as WebDataset reads them: OUT/masks-000000.tar, ...), and the "
    "folders overlays, edges and labels. The id of sub/c.jpg is sub_c. Images that cannot be read are left "
    "out, listed in damaged.jsonl and make the exit code 3. The same command resumes a run that was "
    "stopped.\n\n"
    "With --workers the data set is in shards of a fixed number of images, listed in manifest.jsonl, and its "
    "bytes are the same for any number of workers, and whatever dies on the way. FOLDER and OUT may then be "
    "addresses that fsspec knows, s3://bucket/folder for example (see docs/scale.md).\n\n"
    "Progress goes to stderr: a bar on a terminal, else a line every ten seconds.",
    declare=declare,
    options=Options,
)
