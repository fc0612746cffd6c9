"""Reads Debian `Packages` indexes: finds them, unpacks them, splits them into paragraphs and relations."""

import gzip
import lzma
import pathlib
import re
import shutil
import subprocess
from typing import Iterator, NamedTuple

LISTS = pathlib.Path("/var/lib/apt/lists")
APT_HELPER = "/usr/lib/apt/apt-helper"  # unpacks whatever apt stores, .lz4 by default
RELATION = re.compile(r"\s*(?P<name>[^\s:(]+)(?::\S+)?\s*(?:\((?P<constraint>[^)]*)\))?")


class Relation(NamedTuple):
    name: str
    constraint: str | None
    alternatives: int


def default_indexes() -> list[pathlib.Path]:
    found = sorted(LISTS.glob("*_main_binary-*_Packages*"))
    if not found:
        raise SystemExit(f"no Packages index in {LISTS}: run `apt-get update`, or name a file")
    return found


def read_index(path: pathlib.Path) -> Iterator[dict[str, str]]:
    """One dict a paragraph, field name to its text; continuation lines are joined by a space."""
    fields: dict[str, str] = {}
    last = ""
    for line in unpacked(path).split("\n"):
        if not line:
            if fields:
                yield fields
            fields = {}
        elif line[0] in " \t":
            fields[last] += " " + line.strip()
        else:
            last, _, value = line.partition(":")
            fields[last] = value.strip()
    if fields:
        yield fields


def unpacked(path: pathlib.Path) -> str:
    match path.suffix:
        case ".gz":
            data = gzip.decompress(path.read_bytes())
        case ".xz":
            data = lzma.decompress(path.read_bytes())
        case ".lz4" | ".zst":
            data = unpacked_by_command(path)
        case _:
            data = path.read_bytes()
    return data.decode("utf-8")


def unpacked_by_command(path: pathlib.Path) -> bytes:
    plain = path.suffix[1:].replace("zst", "zstd")
    for command in ([APT_HELPER, "cat-file"], [plain, "-dcq"]):
        if shutil.which(command[0]):
            return subprocess.run([*command, str(path)], check=True, capture_output=True).stdout
    raise SystemExit(f"{path}: needs apt-helper or the command {plain}")


def relations(text: str) -> Iterator[list[Relation]]:
    """`a (>= 1) | b, c` gives [a, b] and [c]."""
    for clause in filter(None, (part.strip() for part in text.split(","))):
        parsed = [match for part in clause.split("|") if (match := RELATION.match(part))]
        yield [Relation(match["name"], match["constraint"], len(parsed)) for match in parsed]
