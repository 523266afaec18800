"""A manifest inside a ZIP: it describes members, and leaves out none that it does not name."""

import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from ndd_app.exceptions import BrokenManifest, NameOutsideSource, NameTwice, NddError, PhotoMissing, SecondManifest
from ndd_app.pipeline.sources.entries import Entry, Problem, SourceFile, composed
from ndd_app.pipeline.sources.manifest import FILE, Table, open_table, spellings


def describe_members(entries: Sequence[Entry], tables: Mapping[str, bytes]) -> list[Entry]:
    """The entries with what the one manifest among the tables says, and the problems of its rows.

    Tables without a column `file` are of no account beside a manifest; without one they are problems, since
    somebody may have meant one of them.
    """
    opened: list[Table] = []
    refused: list[Entry] = []
    for name, data in tables.items():
        try:
            opened.append(open_table(name, data))
        except BrokenManifest as error:
            refused.append(Problem.of(name, error))
    if len(opened) == 1:
        return _describe_by(opened[0], entries)
    return [*entries, *refused, *(Problem.of(table.name, SecondManifest()) for table in opened)]


def _describe_by(table: Table, entries: Sequence[Entry]) -> list[Entry]:
    paths = {entry.path for entry in entries if isinstance(entry, SourceFile)}
    described: dict[str, dict[str, str]] = {}
    problems: list[Entry] = []
    for line, row in table.rows:
        where = table.where(line)
        try:
            description = table.fill_columns(line, row)
            where = description.pop(FILE)
            path = _find_member(paths, posixpath.dirname(table.name), where, line)
            if path in described:
                raise NameTwice
            described[path] = description
        except NddError as error:
            problems.append(Problem.of(where, error))
    files = (replace(e, description=described.get(e.path, {})) if isinstance(e, SourceFile) else e for e in entries)
    return [*files, *problems]


def _find_member(paths: Collection[str], folder: str, name: str, line: int) -> str:
    found = [posixpath.normpath(posixpath.join(folder, spelling)) for spelling in spellings(name)]
    for path in map(composed, found):
        if path in paths:
            return path
    raise NameOutsideSource if found[-1].startswith(("/", "../")) else PhotoMissing(line=line)
