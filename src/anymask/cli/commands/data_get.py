"""`anymask data get`: the shards of SA-1B."""

from __future__ import annotations

from anymask.cli.console import out, out_json, progress
from anymask.cli.options.data_get import Options
from anymask.errors import InputError, OutputError, unknown_name

__all__ = ["run"]


def run(options: Options) -> int:
    """Download what is missing, and print what is there."""
    from anymask.data.sa1b import parse_query
    from anymask.data.sa1b_download import get_shards, read_links

    if options.name != "sa1b":
        raise unknown_name("NAME", options.name, ("sa1b",))
    if options.links is None:
        raise InputError("--links must name the list of links, got nothing. Its page gives it after a form.")
    if options.output is None:
        raise OutputError("-o must name the folder of the shards, got nothing. Write -o sa1b, for example.")
    shards = None if options.only is None else parse_query(f"shards={options.only}").shards
    links = read_links(options.links, shards)
    with progress("bytes") as advance:
        got = get_shards(links, options.output, advance=advance)
    if options.as_json:
        out_json({"folder": options.output, **vars(got)})
        return 0
    kept = f", {got.kept:,} were there already" if got.kept else ""
    out(
        f"{got.downloaded:,} shards downloaded{kept}\n"
        f"{got.images:,} images, {got.bytes / 1e6:,.0f} MB: open it as sa1b:{options.output}"
    )
    return 0
