"""A folder and all folders in it. The files stay where they are."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ndd_app.exceptions import LinkNotFollowed, NameNotText, NddError, UnreadableFile
from ndd_app.pipeline.sources.entries import (
    Entry,
    Problem,
    Source,
    SourceFile,
    composed,
    in_order,
    is_image,
    is_litter,
    read_file,
    read_head,
    without_repeats,
)


def read_folder(root: Path, max_bytes: int) -> Source:
    root = root.resolve()
    entries: list[Entry] = []
    ignored = 0
    for found in _walk(root):
        if isinstance(found, Problem):
            entries.append(found)
            continue
        name = found.relative_to(root).as_posix()
        try:
            if is_image(name, partial(read_head, found)):
                entries.append(SourceFile(composed(name), partial(read_file, found, max_bytes), reference=found))
            else:
                ignored += 1
        except NddError as error:
            entries.append(Problem.of(name, error))
    return Source(root.name, tuple(without_repeats(in_order(entries))), ignored)


def _walk(root: Path) -> Iterator[Path | Problem]:
    folders = [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as inside:
                found = list(inside)
        except OSError as error:
            problem = UnreadableFile(detail=error.strerror or error)
            if folder == root:
                raise problem from error
            yield Problem.of(folder.relative_to(root).as_posix(), problem)
            continue
        for item in found:
            path = Path(item.path)
            if is_litter(item.name):
                continue
            if not _is_text(item.name):
                yield Problem.of(path.relative_to(root).as_posix(), NameNotText())
            elif item.is_symlink():  # it may lead out of the folder or into a circle, or to a file that comes anyway
                yield Problem.of(path.relative_to(root).as_posix(), LinkNotFollowed())
            elif item.is_dir():
                folders.append(path)
            elif item.is_file():  # and no pipe or device, which might never end
                yield path


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
