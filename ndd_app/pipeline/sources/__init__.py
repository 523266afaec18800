"""What a collection is read from: a folder, a ZIP, or a CSV manifest that lists and describes files.

A source gives, in a fixed order, the files to ingest and a problem for everything that cannot be one; reading the
bytes is left to the caller, who may do it in threads. Files that are no images are only counted.
"""

import zipfile
from pathlib import Path

from ndd_app.conf import conf
from ndd_app.exceptions import NothingToIngest, SourceMissing, UnknownSource
from ndd_app.pipeline.sources.archive import read_archive
from ndd_app.pipeline.sources.entries import Problem, Source, SourceFile
from ndd_app.pipeline.sources.folder import read_folder
from ndd_app.pipeline.sources.manifest import read_manifest

__all__ = ["Problem", "Source", "SourceFile", "open_source"]


def open_source(path: Path) -> Source:
    """Raises a kind of NddError where nothing of the source can be read at all."""
    if not path.exists():
        raise SourceMissing(path=path)
    source = _open(path, conf.max_file_megabytes * 1_000_000)
    if not source.entries:
        raise NothingToIngest(name=path.resolve().name)
    return source


def _open(path: Path, max_bytes: int) -> Source:
    suffix = path.suffix.lower()
    if path.is_dir():
        return read_folder(path, max_bytes)
    if suffix == ".zip" or (not suffix and zipfile.is_zipfile(path)):
        return read_archive(path, max_bytes)
    if suffix in (".csv", ".tsv", ".txt"):
        return read_manifest(path, max_bytes)
    raise UnknownSource(path=path)
