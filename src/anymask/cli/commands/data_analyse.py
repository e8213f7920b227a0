"""`anymask data analyse`: what masks are like, where images come from, and whom a model serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anymask import data
from anymask.cli.console import note, out, out_json, progress
from anymask.cli.model_names import check_model
from anymask.cli.options.data_analyse import Options
from anymask.errors import InputError, OutputError
from anymask.files import check_folder, staged

if TYPE_CHECKING:
    from anymask.evaluate.groups import GroupTable

__all__ = ["run"]


def run(options: Options) -> int:
    """Analyse, print a summary, and write the report."""
    from anymask.data.analysis.report import encode_report

    if options.output is None and not options.as_json:
        raise OutputError("-o must name the folder of the report, got nothing. Write -o report, for example.")
    if options.places is not None and options.positions:
        raise InputError("--places must go without --positions, got both. Leave one out.")
    if options.output is not None:
        check_folder(options.output, _is_ours, force=options.force)
    collections = [
        data.open_dataset(path, split=options.split, ignore=options.ignore)
        for path in (options.path, *options.compare)
    ]
    groups = None if options.groups is None else _read_groups(options.groups, options.model)
    results = _analysed(options, collections)
    if groups is not None:
        _measure_groups(options, groups, collections, results)
    for result in results:
        _warn(result, options)
    if options.output is not None:
        files = encode_report(results)
        with staged(options.output, force=options.force, may_replace=_is_ours) as folder:
            folder.mkdir()
            for name, content in files.items():
                (folder / name).write_bytes(content)
    if options.as_json:
        out_json(results)
    else:
        out("\n".join([*map(_as_text, results), f"wrote {options.output}/index.html"]))
    return 0


def _analysed(options: Options, collections: Sequence[data.Collection]) -> list[dict[str, Any]]:
    from anymask.data.analysis.duplicates import ImageHashes
    from anymask.data.analysis.origins import Origins, read_places
    from anymask.data.analysis.report import analyse

    if options.places is not None:
        read_places(options.places)  # a bad table is reported before the work
    results = []
    with progress("images") as advance:
        for collection in collections:
            wanted = options.positions or options.places is not None
            places = None if options.places is None else read_places(options.places)
            hashes = ImageHashes() if options.duplicates else None
            origins = Origins(places) if wanted else None
            results.append(analyse(collection, origins, advance, hashes=hashes))
    return results


def _read_groups(file: str, model: str) -> GroupTable:
    """The table of groups; a bad one, or a model that is none, is reported before the work."""
    check_model(model)
    from anymask.evaluate.groups import read_group_table

    return read_group_table(file)


def _measure_groups(
    options: Options,
    table: GroupTable,
    collections: Sequence[data.Collection],
    results: Sequence[dict[str, Any]],
) -> None:
    """Add the clicks by group to the results."""
    from anymask.cli.loading import load_network
    from anymask.evaluate.clicks import model_sessions
    from anymask.evaluate.groups import clicks_by_group

    network = load_network(options.model, device=options.device, offline=options.offline)
    with progress("images") as advance:
        for collection, result in zip(collections, results, strict=True):
            found = clicks_by_group(model_sessions(network), collection, table, advance)
            result["clicks_by_group"] = {"model": options.model, **found}


def _is_ours(name: str) -> bool:
    return name in ("report.json", "index.html") or Path(name).suffix in (".svg", ".png")


def _warn(result: Mapping[str, Any], options: Options) -> None:
    """Say what of the tables could not be used."""
    places = options.places
    origins = result.get("origins", {})
    for name, count in origins.get("unknown_countries", {}).items():
        note(f"no country is called '{name}', in {count} rows of {places}; they count as without a country")
    unused = origins.get("rows_of_unknown_images", [])
    if unused:
        note(f"{len(unused)} rows of {places} name images that are not in {result['name']}: {unused[0]}, ...")
    rows = result.get("clicks_by_group", {}).get("unused_rows", [])
    if rows:
        note(f"{len(rows)} rows of {options.groups} name what is not in {result['name']}: {rows[0]}, ...")
    if result["damaged"]:
        note(f"{len(result['damaged'])} items of {result['name']} could not be read and are left out")


def _as_text(result: Mapping[str, Any]) -> str:
    lines = [
        f"{result['name']}: {result['images']:,} images, {result['masks']:,} masks, "
        f"{result['masks_per_image']:.1f} per image"
    ]
    for key, name in (
        ("relative_size", "relative size"),
        ("concavity", "concavity"),
        ("scores", "predicted IoU"),
    ):
        if result[key] is not None:
            low, middle, high = result[key]["quartiles"]
            lines.append(f"  {name}: median {middle:.3f}, quartiles {low:.3f} and {high:.3f}")
    lines.append(
        f"  {100 * result['share_touching_the_edge']:.1f} % touch the edge, "
        f"{100 * result['share_of_near_duplicates']:.1f} % are near-duplicates"
    )
    if "duplicate_images" in result:
        lines.append(f"  {result['duplicate_images']['images']:,} images are near-duplicates of others")
    if "origins" in result:
        found = result["origins"]
        lines.append(
            f"  {len(found['countries'])} countries; "
            f"{found['images_without_a_country']:,} images without a country"
        )
    for row in result.get("clicks_by_group", {}).get("groups", ()):
        one, three = (f"{row[f'points_{points}']['iou']:.3f}" for points in (1, 3))
        lines.append(f"  {row['group']}, {row['masks']:,} masks: IoU {one} at 1 point, {three} at 3")
    return "\n".join(lines)
