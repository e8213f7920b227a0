"""`anymask data convert`: annotations from one format to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from glob import glob
from pathlib import Path

from anymask import data, formats
from anymask.cli.console import Advance, note, out, out_json, progress
from anymask.cli.options.data_convert import Options
from anymask.cli.projects import existing_project, is_project
from anymask.errors import InputError, OutputError, unknown_name
from anymask.files import check_target, write_atomic
from anymask.formats import Loss, Outlines
from anymask.formats.registry import Format
from anymask.types import Record

__all__ = ["run"]

REPORTED = 20
"""Bad records that are reported one by one on stderr; all are in the report."""


def run(options: Options) -> int:
    """Convert; raises `InputError` at the end where records were left out."""
    source, target = Path(options.source), Path(options.output)
    if not (
        source.exists() or data.is_sa1b(source) or glob(options.source)
    ):  # of shards such as sets/train-*.tar
        raise InputError(f"A must be a file or folder that exists, got {source}. Check the name.")
    if options.images is not None and not Path(options.images).is_dir():
        raise InputError(f"--images must be a folder that exists, got {options.images}. Check the name.")
    format = _target_format(target, options.target_format)
    _check_places(source, target, options)
    bad = _Bad()
    with progress("images") as advance:
        records = _records(options, formats.FORMATS[format], bad, advance)
        if options.keep is not None:
            records = _keeping(records, options.keep)
        outlines = Outlines(polygons=options.polygons, max_loss=options.max_loss)
        loss = formats.write(records, target, format, outlines=outlines, force=options.force, on_error=bad)
    lost = loss.with_source(bad.messages, bad.left_out)
    if options.report is not None:
        write_atomic(options.report, lost.to_json(), force=options.force)
    if options.as_json:
        out_json(lost.as_dict())
    else:
        out(_as_text(lost, options.report))
    if bad.messages:
        raise InputError(
            f"records must be valid, got {len(bad.messages)} that were left out of {target}. "
            "Repair them, or continue without."
        )
    return 0


def _target_format(target: Path, named: str | None) -> str:
    """The format to write. Raises `InputError` for a folder without a named format."""
    if named is not None and named not in formats.FORMATS:
        raise unknown_name("--to", named, formats.FORMATS)
    if named is None and target.suffix == "":
        raise InputError(
            f"--to must name the format of the folder {target}, got nothing. For example: --to yolo"
        )
    return named or formats.format_for([], target)


def _check_places(source: Path, target: Path, options: Options) -> None:
    """Raise `OutputError` for places that cannot be written, before any work is done."""
    if target.resolve() == source.resolve():
        raise OutputError(f"output must be another place than A, got {target} twice. Choose another name.")
    report = options.report
    if report is not None:
        check_target(report, force=options.force)
        if Path(report).resolve() == target.resolve():
            raise OutputError(f"--report must be a file of its own, got {report} twice. Choose another name.")


class _Bad:
    """Records that were left out: reports the first of them, keeps all; and what belongs to no record."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.left_out: list[tuple[str, str, int]] = []

    def __call__(self, id: str, error: Exception) -> None:
        self.messages.append((id, " ".join(str(error).split())))
        if len(self.messages) <= REPORTED:
            note(f"left out: {id}: {self.messages[-1][1]}")


def _records(options: Options, target: Format, bad: _Bad, advance: Advance) -> Iterator[Record]:
    """The records of a project, of a training data set, or of a file or folder of a format."""
    source, format = options.source, options.source_format
    if format is None and is_project(source):
        yield from _of_project(options, target, advance)
        return
    if format is None and _is_dataset(Path(source)):
        collection = data.open_dataset(source, ignore=options.ignore, on_error=bad)
        for done, record in enumerate(collection):
            advance(done, len(collection), source)
            yield record
        return

    def tell(done: int, total: int, id: str) -> None:
        advance(done, total, source)

    def left_out(file: str, kind: str, count: int) -> None:
        bad.left_out.append((file, kind, count))

    yield from formats.stream(
        source,
        format,
        images=options.images,
        boxes=options.boxes == "as-masks",
        on_error=bad,
        on_item=tell,
        on_left_out=left_out,
    )


def _keeping(records: Iterator[Record], names: Sequence[str]) -> Iterator[Record]:
    """The records with the masks of some names; the others are told. Raises `InputError` if none is left."""
    kept, others = 0, Counter[str]()
    for record in records:
        known = record.meta.get("categories") or ["object"] * len(record.masks)
        rows = [row for row, name in enumerate(known) if name in names]
        kept += len(rows)
        others.update(name or "object" for name in known if name not in names)
        yield record.take(rows)
    told = ", ".join(f"{name} ({count:,})" for name, count in others.most_common(REPORTED))
    if not kept:
        raise InputError(
            f"--keep must have a name of a mask, got {', '.join(names)}. There are: {told or 'none'}."
        )
    if others:
        note(f"masks of other names were left out: {told}")


def _of_project(options: Options, target: Format, advance: Advance) -> Iterator[Record]:
    """The records of a project; all frames for a format of videos."""
    with existing_project(options.source, None, "data convert") as project:
        from anymask.data_engine.project.import_export import records

        found = records(project, suggestions=options.suggestions, video=target.is_video)
        for done, record in enumerate(found):
            advance(done, 0, options.source)
            yield record


def _is_dataset(path: Path) -> bool:
    """Whether this is tar shards, or images with PNG masks in folders of their own."""
    shards = data.is_sa1b(path) or path.suffix == ".tar" or any(path.glob("*.tar"))
    return shards or ((path / "images").is_dir() and (path / "masks").is_dir())


def _as_text(loss: Loss, report: str | None) -> str:
    lines = [loss.summary(), f"wrote {loss.path}", *([f"wrote {report}"] if report is not None else [])]
    return "\n".join(lines)
