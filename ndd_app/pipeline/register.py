"""What a collection already holds, by path and by checksum, so that nothing is ingested twice."""

import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from ndd_app.exceptions import NameTaken, NameTooLong
from ndd_app.models import Collection, Photo
from ndd_app.pipeline.sources import SourceFile

LONGEST_NAME = Photo._meta.get_field("path").max_length or 0


@dataclass(eq=False)
class Known:
    """A photo of the collection. `origin`: where its master lies or, if it was copied, came from."""

    pk: int
    path: str
    checksum: str
    origin: str
    is_copied: bool

    @property
    def is_lost(self) -> bool:
        return not self.is_copied and not os.path.exists(self.origin)


class Register:
    """Finds the photo of each file of a source, or the name that its photo will have.

    A photo is named by the path inside its source. Where another source's file has the name, the source's own name
    goes before it (`box-2/001.jpg`), for folders and ZIPs alike. A file of the same origin (the same place on the disk,
    or the same name in a ZIP of the same name) with other bytes is a file that was changed: it is refused, since its
    record describes, and others refer to, what was there before. Whoever wants it as a photo of its own renames the
    file or the ZIP.
    """

    def __init__(self, collection: Collection, source_name: str, listing: Iterable[str]) -> None:
        self.collection = collection
        self.source_name = source_name
        self._own_names = {name for path in listing for name in self._names(path)}
        self._by_path: dict[str, Known] = {}
        self._by_checksum: dict[str, list[Known]] = defaultdict(list)
        self._by_pixels: dict[str, Known] = {}
        self._newest = 0
        self.refresh()

    def refresh(self) -> None:
        """Note the photos that came since the last look, from whomever."""
        for photo in (
            self.collection.photos.filter(pk__gt=self._newest)
            .only("path", "checksum", "master_reference", "master_file", "pixel_hash", "collection_id")
            .order_by("pk")
        ):
            self.add(photo)

    def add(self, photo: Photo) -> str | None:
        """Note a photo; gives the path of an earlier one with the same file or the same pixels."""
        known = Known(photo.pk, photo.path, photo.checksum, photo.master_reference, bool(photo.master_file))
        self._newest = max(self._newest, known.pk)
        self._by_path[known.path] = known
        self._by_checksum[known.checksum].append(known)
        earlier = self._by_pixels.setdefault(photo.pixel_hash, known)
        return earlier.path if earlier is not known else None

    def find(self, entry: SourceFile, checksum: str) -> Known | None:
        """The photo with these bytes: by the file's own name, else one that no other file of the source is named by.

        Of several, one whose master is gone: the file was moved.
        """
        for name in self._names(entry.path):
            known = self._by_path.get(name)
            if known and known.checksum == checksum:
                return known
        elsewhere = [known for known in self._by_checksum.get(checksum, []) if known.path not in self._own_names]
        return next((known for known in elsewhere if known.is_lost), elsewhere[0] if elsewhere else None)

    def name_new(self, entry: SourceFile) -> str:
        """Raises NameTaken for a file that was changed, NameTooLong for what the database cannot hold."""
        for name in self._names(entry.path):
            if len(name) > LONGEST_NAME:
                raise NameTooLong(length=len(name), limit=LONGEST_NAME)
            known = self._by_path.get(name)
            if known is None:
                return name
            if known.origin == entry.origin:
                break
        raise NameTaken(collection=self.collection.title)

    def follow_moved_master(self, known: Known, entry: SourceFile) -> bool:
        """A referenced master that is no longer at its old place is from now on read, and named, at its new one."""
        if not entry.reference or not known.is_lost:
            return False
        free = (
            name
            for name in self._names(entry.path)
            if len(name) <= LONGEST_NAME and self._by_path.get(name, known) is known
        )
        del self._by_path[known.path]
        known.path, known.origin = next(free, known.path), entry.origin
        self._by_path[known.path] = known
        Photo.objects.filter(pk=known.pk).update(master_reference=known.origin, path=known.path)
        return True

    def _names(self, path: str) -> tuple[str, str]:
        return path, f"{self.source_name}/{path}"
