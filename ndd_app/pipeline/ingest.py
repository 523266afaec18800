"""From files to photos: checksums, working copies, fingerprints, and what a manifest says of them.

Read again, a source adds only what is new; known files are recognised by their checksum.
"""

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import PurePosixPath

from django.db import transaction

from ndd_app.conf import conf
from ndd_app.exceptions import NddError, UnreadableImage
from ndd_app.models import Collection, Fingerprint, Photo
from ndd_app.pipeline.describing import describe_from_manifest
from ndd_app.pipeline.progress import Track, in_batches, untracked
from ndd_app.pipeline.register import Register
from ndd_app.pipeline.sources import Problem, Source, SourceFile
from ndd_app.signals import collection_ingested
from ndd_app.storage import save_bytes
from ndd_app.vision import hashing, images
from ndd_app.vision.formats import format_named

logger = logging.getLogger(__name__)
BATCH = 32
THREADS = 2


@dataclass
class IngestResult:
    added: int = 0
    known: int = 0
    moved: int = 0
    described: int = 0
    ignored: int = 0
    problems: list[Problem] = field(default_factory=list)
    exact_copies: list[tuple[str, str]] = field(default_factory=list)
    """(the photo, the earlier photo with the same checksum or the same pixels)."""


@dataclass(frozen=True)
class NewPhoto:
    """Its working copy is written; the rows are not, and it has no path yet."""

    photo: Photo
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Scan:
    """A file that was read; `new` unless the collection has a photo with its bytes."""

    entry: SourceFile
    checksum: str
    new: NewPhoto | None = None


Read = Callable[[SourceFile], Scan | Problem]


def ingest_source(
    collection: Collection, source: Source, copy_masters: bool = False, track: Track = untracked
) -> IngestResult:
    """Read every file of the source into the collection; what cannot be read is a line in the result.

    Masters of a folder stay where they are unless `copy_masters`; those of a ZIP are always copied.
    """
    entries = list(source)
    result = IngestResult(problems=[entry for entry in entries if isinstance(entry, Problem)])
    files = [entry for entry in entries if isinstance(entry, SourceFile)]
    register = Register(collection, source.name, listing=[file.path for file in files])
    read = partial(_read, register=register, copy_master=copy_masters)
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in in_batches(track(files, "Reading scans", len(files)), BATCH):
            photos = _store(list(pool.map(read, batch)), register, read, result)
            _describe(photos, result)
    result.ignored = source.ignored
    transaction.on_commit(lambda: collection_ingested.send(sender=Collection, collection=collection, result=result))
    return result


def _read(entry: SourceFile, register: Register, copy_master: bool) -> Scan | Problem:
    """Read one file and, if it is new, write its working copy; runs in a thread, touches no database."""
    try:
        data = entry.read()
        checksum = sha256(data).hexdigest()
        if register.find(entry, checksum):
            return Scan(entry, checksum)
        register.name_new(entry)  # refused before the work is done
        return Scan(entry, checksum, _read_new(entry, data, checksum, copy_master or not entry.reference))
    except NddError as error:
        return Problem.of(entry.path, error)
    except Exception as error:  # a codec's, or memory ran out
        logger.exception("%s could not be read", entry.path)
        return Problem.of(entry.path, UnreadableImage(detail=str(error) or type(error).__name__))


def _read_new(entry: SourceFile, data: bytes, checksum: str, copy_master: bool) -> NewPhoto:
    decoded = images.decode(data, name=entry.path, max_megapixels=conf.max_megapixels)
    pixel_hash = images.pixel_hash(decoded.pixels)
    working_copy = images.working_copy(decoded.pixels)
    pixels = images.read_working_copy(working_copy)
    photo = Photo(
        master_reference=entry.origin,
        checksum=checksum,
        size=len(data),
        format=decoded.format,
        width=decoded.width,
        height=decoded.height,
        orientation=decoded.orientation,
        pixel_hash=pixel_hash,
        reading_notes="; ".join(decoded.notes),
        working_copy=save_bytes(f"working/{pixel_hash[:2]}/{pixel_hash}.jpg", working_copy),
        thumbnail=save_bytes(f"thumbnails/{pixel_hash[:2]}/{pixel_hash}.jpg", images.thumbnail(pixels)),
    )
    if copy_master:
        suffix = PurePosixPath(entry.path).suffix.lower() if format_named(entry.path) else ""
        photo.master_file = save_bytes(f"masters/{checksum[:2]}/{checksum}{suffix}", data)
    return NewPhoto(photo, Fingerprint(phash=hashing.phash(pixels), block_mean=hashing.block_mean_hash(pixels)))


@transaction.atomic
def _store(
    scans: Iterable[Scan | Problem], register: Register, read: Read, result: IngestResult
) -> list[tuple[int, SourceFile]]:
    """Store what a batch of scans turned out to be: all of the batch or, when the process dies, nothing of it.

    Gives the key of each file's photo.
    """
    Collection.objects.select_for_update().get(pk=register.collection.pk)  # one ingest at a time writes to it
    register.refresh()
    photos: list[tuple[int, SourceFile]] = []
    for scan in scans:
        if isinstance(scan, Scan) and not scan.new and not register.find(scan.entry, scan.checksum):
            scan = read(scan.entry)  # the photo that it was taken for went to a copy of it, earlier in the batch
        if isinstance(scan, Problem):
            result.problems.append(scan)
            continue
        try:
            photos.append((_store_one(scan, register, result), scan.entry))
        except NddError as error:  # somebody took its name meanwhile
            result.problems.append(Problem.of(scan.entry.path, error))
    return photos


def _store_one(scan: Scan, register: Register, result: IngestResult) -> int:
    if known := register.find(scan.entry, scan.checksum):
        result.known += 1
        result.moved += register.follow_moved_master(known, scan.entry)
        return known.pk
    assert scan.new
    photo, fingerprint = scan.new.photo, scan.new.fingerprint
    photo.collection, photo.path = register.collection, register.name_new(scan.entry)
    photo.save()
    fingerprint.photo = photo
    fingerprint.save(force_insert=True)
    result.added += 1
    if earlier := register.add(photo):
        result.exact_copies.append((photo.path, earlier))
    return photo.pk


def _describe(photos: Iterable[tuple[int, SourceFile]], result: IngestResult) -> None:
    described = [(pk, entry) for pk, entry in photos if entry.description]
    rows = Photo.objects.in_bulk([pk for pk, _ in described])
    for photo, entry in [(rows[pk], entry) for pk, entry in described if pk in rows]:
        changed, problems = describe_from_manifest(photo, entry.description)
        result.described += changed
        result.problems += [Problem.of(entry.path, error) for error in problems]
