"""Write a share of the training images of all data sets, as shards: the same images whenever it is run.

    python benchmarks/part_of_data.py DATA OUT PERCENT

DATA holds one folder of shards (train-*.tar, val-*.tar) per data set. A smaller share is a part of a larger
one.
"""

from __future__ import annotations

import argparse
import tarfile
import zlib
from pathlib import Path


def chosen(name: str, percent: float) -> bool:
    """Whether the files of an image belong to the share, by a hash of its id."""
    return zlib.crc32(name.rpartition(".")[0].encode()) % 10_000 < 100 * percent


def copy(shard: Path, target: Path, percent: float) -> None:
    """The chosen files of a shard, in their order."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(shard) as old, tarfile.open(target, "w") as new:
        for member in old:
            if chosen(member.name, percent):
                new.addfile(member, old.extractfile(member))


def main() -> None:
    """Copy all data sets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("percent", type=float)
    options = parser.parse_args()
    part = options.out.with_name(f"{options.out.name}.part")
    for shard in sorted(options.data.glob("*/train-*.tar")):
        copy(shard, part / shard.parent.name / shard.name, options.percent)
    part.rename(options.out)


if __name__ == "__main__":
    main()
