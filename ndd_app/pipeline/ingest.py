"""From files to photos: checksums, working copies, fingerprints, and what a manifest says of them.

Read again, a source adds only what is new; known files are recognised by their checksum.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import PurePosixPath

from django.db import transaction

from ndd_app.conf import conf
from ndd_app.exceptions import NddError
from ndd_app.models import Collection, Fingerprint, Photo
from ndd_app.pipeline.describing import describe_from_manifest
from ndd_app.pipeline.progress import Track, in_batches, untracked
from ndd_app.pipeline.register import Place, Register
from ndd_app.pipeline.sources import Problem, Source, SourceFile
from ndd_app.signals import collection_ingested
from ndd_app.storage import save_bytes
from ndd_app.vision import hashing, images

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
class KnownScan:
    entry: SourceFile
    place: Place


@dataclass(frozen=True)
class NewScan:
    """A photo with its working copy written, not yet in the database."""

    entry: SourceFile
    photo: Photo
    fingerprint: Fingerprint


Scan = KnownScan | NewScan | Problem


def ingest_source(
    collection: Collection, source: Source, copy_masters: bool = False, track: Track = untracked
) -> IngestResult:
    """Read every file of the source into the collection; what cannot be read is a line in the result.

    Masters of a folder stay where they are unless `copy_masters`; those of a ZIP are always copied.
    """
    entries = list(source)
    result = IngestResult(problems=[entry for entry in entries if isinstance(entry, Problem)])
    files = [entry for entry in entries if isinstance(entry, SourceFile)]
    register = Register(collection, source.name, listing={file.path for file in files})
    scan = partial(_scan, register=register, copy_master=copy_masters)
    with ThreadPoolExecutor(THREADS) as pool:
        for batch in in_batches(track(files, "Reading scans", len(files)), BATCH):
            _store(collection, list(pool.map(scan, batch)), register, result)
    result.ignored = source.ignored
    transaction.on_commit(lambda: collection_ingested.send(sender=Collection, collection=collection, result=result))
    return result


def _scan(entry: SourceFile, register: Register, copy_master: bool) -> Scan:
    """Read one file and write its working copy; runs in a thread, touches no database."""
    try:
        data = entry.read()
        checksum = sha256(data).hexdigest()
        place = register.place(entry, checksum)
        if place.is_known:
            return KnownScan(entry, place)
        decoded = images.decode(data, name=entry.path, max_megapixels=conf.max_megapixels)
        pixel_hash = images.pixel_hash(decoded.pixels)
        working_copy = images.working_copy(decoded.pixels)
        pixels = images.read_working_copy(working_copy)
        photo = Photo(
            collection=register.collection,
            path=place.path,
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
        if entry.reference and not copy_master:
            photo.master_reference = str(entry.reference)
        else:
            suffix = PurePosixPath(entry.path).suffix.lower()
            photo.master_file = save_bytes(f"masters/{checksum[:2]}/{checksum}{suffix}", data)
        fingerprint = Fingerprint(phash=hashing.phash(pixels), block_mean=hashing.block_mean_hash(pixels))
        return NewScan(entry, photo, fingerprint)
    except NddError as error:
        return Problem.of(entry.path, error)


@transaction.atomic
def _store(collection: Collection, scans: list[Scan], register: Register, result: IngestResult) -> None:
    """Store what a batch of scans turned out to be: all of the batch or, when the process dies, nothing of it."""
    Collection.objects.select_for_update().get(pk=collection.pk)  # one ingest at a time writes to a collection
    known = [scan for scan in scans if isinstance(scan, KnownScan)]
    new = _not_stored_meanwhile(collection, [scan for scan in scans if isinstance(scan, NewScan)])
    for scan in new:
        scan.photo.search_text = scan.photo.text_to_search()
    Photo.objects.bulk_create(scan.photo for scan in new)
    for scan in new:
        scan.fingerprint.photo = scan.photo
        if earlier := register.add(scan.photo):
            result.exact_copies.append((scan.photo.path, earlier))
    Fingerprint.objects.bulk_create(scan.fingerprint for scan in new)
    result.added += len(new)
    result.known += len(known)
    result.moved += sum(register.follow_moved_master(scan.entry, scan.place) for scan in known)
    result.problems += [scan for scan in scans if isinstance(scan, Problem)]
    entries = {scan.photo.path: scan.entry for scan in new} | {scan.place.path: scan.entry for scan in known}
    _describe(collection, entries, register, result)


def _not_stored_meanwhile(collection: Collection, scans: list[NewScan]) -> list[NewScan]:
    paths = [scan.photo.path for scan in scans]
    taken = set(Photo.objects.filter(collection=collection, path__in=paths).values_list("path", flat=True))
    return [scan for scan in scans if scan.photo.path not in taken]


def _describe(collection: Collection, entries: dict[str, SourceFile], register: Register, result: IngestResult) -> None:
    described = [path for path, entry in entries.items() if entry.description]
    for photo in Photo.objects.filter(collection=collection, path__in=described).order_by("pk"):
        entry = entries[photo.path]
        changed, problems = describe_from_manifest(photo, entry.description, register)
        result.described += changed
        result.problems += [Problem.of(entry.path, error) for error in problems]
