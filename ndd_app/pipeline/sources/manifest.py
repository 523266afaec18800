"""A CSV table with a column `file`, names relative to its folder, and columns that describe the photos."""

import codecs
import csv
import io
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ndd_app.exceptions import (
    BrokenManifest,
    BrokenRow,
    FileMissing,
    NameOutsideSource,
    NddError,
    NotAnImage,
    RowNotText,
)
from ndd_app.pipeline.sources.entries import (
    Entry,
    Problem,
    Source,
    SourceFile,
    composed,
    is_image,
    read_file,
    read_head,
    without_repeats,
)

FILE = "file"
Row = list[str] | NddError


@dataclass(frozen=True)
class Table:
    name: str
    columns: list[str]
    rows: Iterator[tuple[int, Row]]
    """Each with the number of its first line."""

    def where(self, line: int) -> str:
        return f"{self.name}, line {line}"

    def fill_columns(self, line: int, row: Row) -> dict[str, str]:
        """What the row says, by column, FILE at least; raises BrokenRow or RowNotText."""
        if isinstance(row, NddError):
            raise row
        if any(row[len(self.columns) :]):
            raise BrokenRow(line=line, detail=f"it has {len(row)} cells for {len(self.columns)} columns")
        cells = zip(self.columns, row, strict=False)
        filled = {column: cell.strip() for column, cell in cells if column and cell.strip()}
        if FILE not in filled:
            raise BrokenRow(line=line, detail="it names no file")
        return filled


def read_manifest(path: Path, max_bytes: int) -> Source:
    """Good rows are read even where others are not. Raises BrokenManifest where the first row is of no use."""
    table = open_table(path.name, read_file(path, max_bytes))
    entries = (_read_row(path.parent.resolve(), table, line, row, max_bytes) for line, row in table.rows)
    return Source(path.stem, tuple(without_repeats(entries)))


def open_table(name: str, data: bytes) -> Table:
    """Cells are parted by what makes one column read `file`. Raises BrokenManifest where nothing does."""
    text = _decode(name, data)
    for delimiter in (",", ";", "\t"):
        rows = _split_rows(text, delimiter)
        _, header = next(rows, (0, list[str]()))
        columns = [cell.strip().casefold() for cell in header] if isinstance(header, list) else []
        if FILE in columns:
            twice = [column for column, count in Counter(columns).items() if column and count > 1]
            if twice:
                raise BrokenManifest(name=name, detail=f"two columns are named “{twice[0]}”")
            return Table(name, columns, rows)
    raise BrokenManifest(name=name, detail="its first row names no column “file”")


def spellings(name: str) -> Iterator[str]:
    """Also as on a Mac, which takes accented letters apart, and on Windows, where the manifest may be from."""
    for slashes in (name, name.replace("\\", "/")):
        yield from (slashes, composed(slashes), unicodedata.normalize("NFD", slashes))


def _decode(name: str, data: bytes) -> str:
    """Bytes that are no UTF-8 become lone surrogates, so that the row where they stand can be told from the others."""
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-16")
    except UnicodeDecodeError as error:
        raise BrokenManifest(name=name, detail="it begins as UTF-16 and goes on otherwise") from error


def _split_rows(text: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    """Every row that is not empty, with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, BrokenRow(line=line, detail=error)
            continue
        letters = set().union(*cells)
        if any("\ud800" <= letter <= "\udfff" for letter in letters):
            yield line, RowNotText(line=line)
        elif "\0" in letters:  # PostgreSQL stores none
            yield line, BrokenRow(line=line, detail="a cell has a zero byte in it")
        elif any(cell.strip() for cell in cells):
            yield line, cells


def _read_row(root: Path, table: Table, line: int, row: Row, max_bytes: int) -> Entry:
    where = table.where(line)
    try:
        description = table.fill_columns(line, row)
        where = description.pop(FILE)
        path = _find_file(root, where, line)
        if not is_image(path.name, partial(read_head, path)):
            raise NotAnImage
    except NddError as error:
        return Problem.of(where, error)
    name = composed(path.relative_to(root).as_posix())
    return SourceFile(name, partial(read_file, path, max_bytes), reference=path, description=description)


def _find_file(root: Path, name: str, line: int) -> Path:
    escapes = False
    for spelling in spellings(name):
        try:
            path = (root / spelling).resolve()
            if not path.is_relative_to(root):
                escapes = True
            elif path.is_file():
                return path
        except (OSError, RuntimeError, ValueError):  # a name too long, links in a circle
            continue
    raise NameOutsideSource if escapes else FileMissing(line=line)
