"""`anymask data analyse`: what masks are like, where images come from, and whom a model serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from anymask import data
from anymask.cli.console import command_line, note, out, out_json, progress
from anymask.cli.model_names import check_model
from anymask.cli.options.data_analyse import Options
from anymask.errors import InputError, OutputError
from anymask.files import check_folder, staged
from anymask.files.reports.provenance import facts
from anymask.files.reports.wording import counted

if TYPE_CHECKING:
    from anymask.evaluate.groups import GroupTable

__all__ = ["run"]


def run(options: Options) -> int:
    """Analyse, print a summary, and write the report."""
    from anymask.data.analysis.report import encode_report, is_report_file

    if options.output is None and not options.as_json:
        raise OutputError("-o must name the folder of the report, got nothing. Write -o report, for example.")
    if options.places is not None and options.positions:
        raise InputError("--places must go without --positions, got both. Leave one out.")
    if options.output is not None:
        check_folder(options.output, is_report_file, force=options.force)
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
        files = encode_report(results, [_samples(one) for one in collections], facts(command_line()))
        with staged(options.output, force=options.force, may_replace=is_report_file) as folder:
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


def _samples(collection: data.Collection) -> bytes | None:
    """The sheet of sample images; says which images cannot be shown."""
    from anymask.data.analysis.samples import sample_sheet

    known = set(collection.faults.messages)
    sheet = sample_sheet(collection)
    lost = [id for id in collection.faults.messages if id not in known]
    if lost:
        images = counted(len(lost), "sample image")
        note(f"{images} of {collection.name} cannot be shown: {collection.faults.messages[lost[0]]}")
    return sheet


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


def _warn(result: Mapping[str, Any], options: Options) -> None:
    """Say what of the tables could not be used."""
    places, name = options.places, result["name"]
    origins = result.get("origins", {})
    for country, count in origins.get("unknown_countries", {}).items():
        note(
            f"no country is called '{country}', in {counted(count, 'row')} of {places}; "
            f"{'it counts' if count == 1 else 'they count'} as without a country"
        )
    _warn_unused(origins.get("rows_of_unknown_images", []), f"{places}", f"images that are not in {name}")
    rows = result.get("clicks_by_group", {}).get("unused_rows", [])
    _warn_unused(rows, f"{options.groups}", f"what is not in {name}")
    damaged = len(result["damaged"])
    if damaged:
        left = "is left out" if damaged == 1 else "are left out"
        note(f"{counted(damaged, 'item')} of {name} could not be read and {left}")


def _warn_unused(rows: Sequence[str], table: str, what: str) -> None:
    if rows:
        verb, more = ("names", "") if len(rows) == 1 else ("name", ", ...")
        note(f"{counted(len(rows), 'row')} of {table} {verb} {what}: {rows[0]}{more}")


def _as_text(result: Mapping[str, Any]) -> str:
    lines = [
        f"{result['name']}: {counted(result['images'], 'image')}, {counted(result['masks'], 'mask')}, "
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
        f"  {100 * result['share_touching_the_edge']:.1f} % of the masks touch the edge, "
        f"{100 * result['share_of_near_duplicates']:.1f} % are near-duplicates of another mask"
    )
    if "duplicate_images" in result:
        copies = result["duplicate_images"]["images"]
        verb = "is a near-duplicate" if copies == 1 else "are near-duplicates"
        lines.append(f"  {counted(copies, 'image')} {verb} of others")
    if "origins" in result:
        found = result["origins"]
        lines.append(
            f"  {counted(len(found['countries']), 'country', 'countries')}; "
            f"{counted(found['images_without_a_country'], 'image')} without a country"
        )
    for row in result.get("clicks_by_group", {}).get("groups", ()):
        one, three = (f"{row[f'points_{points}']['iou']:.3f}" for points in (1, 3))
        lines.append(f"  {row['group']}, {counted(row['masks'], 'mask')}: IoU {one} at 1 point, {three} at 3")
    return "\n".join(lines)
