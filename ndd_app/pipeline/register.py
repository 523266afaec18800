"""What a collection already holds, by path and by checksum, so that nothing is ingested twice."""

from dataclasses import dataclass, replace
from pathlib import Path

from ndd_app.exceptions import NameTaken
from ndd_app.models import Collection, Photo
from ndd_app.pipeline.sources import SourceFile


@dataclass(frozen=True)
class Place:
    """Where a file belongs: the path of its photo, and whether the photo is there already."""

    path: str
    is_known: bool


@dataclass(frozen=True)
class _Known:
    pk: int
    path: str
    checksum: str
    reference: str


class Register:
    def __init__(self, collection: Collection, source_name: str, listing: set[str]) -> None:
        self.collection = collection
        self.source_name = source_name
        self.listing = listing
        self.identifiers: dict[str, str] = {}
        self._by_path: dict[str, _Known] = {}
        self._by_checksum: dict[str, list[_Known]] = {}
        self._by_pixels: dict[str, str] = {}
        for photo in collection.photos.only(
            "path", "checksum", "master_reference", "pixel_hash", "identifier", "collection_id"
        ).order_by("pk"):
            self.add(photo)

    def add(self, photo: Photo) -> str | None:
        """Note a photo; gives the path of an earlier one with the same file or the same pixels."""
        known = _Known(photo.pk, photo.path, photo.checksum, photo.master_reference)
        self._by_path[photo.path] = known
        self._by_checksum.setdefault(photo.checksum, []).append(known)
        if photo.identifier:
            self.identifiers[photo.identifier] = photo.path
        earlier = self._by_pixels.setdefault(photo.pixel_hash, photo.path)
        return earlier if earlier != photo.path else None

    def place(self, entry: SourceFile, checksum: str) -> Place:
        """Where the file belongs; raises NameTaken when another file was ingested under its name."""
        for path in (entry.path, f"{self.source_name}/{entry.path}"):
            known = self._by_path.get(path)
            if known and known.checksum == checksum:
                return Place(path, is_known=True)
            elsewhere = next((k for k in self._by_checksum.get(checksum, []) if k.path not in self.listing), None)
            if elsewhere:
                return Place(elsewhere.path, is_known=True)
            if known is None:
                return Place(path, is_known=False)
            if not entry.reference or known.reference in ("", str(entry.reference)):
                break
        raise NameTaken(collection=self.collection.title)

    def follow_moved_master(self, entry: SourceFile, place: Place) -> bool:
        """A referenced master that is no longer at its old place is from now on read, and named, at its new one."""
        known = self._by_path[place.path]
        if not entry.reference or not known.reference or Path(known.reference).exists():
            return False
        path = entry.path if entry.path not in self._by_path else known.path
        Photo.objects.filter(pk=known.pk).update(master_reference=str(entry.reference), path=path)
        self._by_path[path] = replace(known, path=path, reference=str(entry.reference))
        return True
