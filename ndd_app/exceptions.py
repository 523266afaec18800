"""What can go wrong, in words for the person who has to act on it.

The docstring of an error is its message: the first paragraph gives the reason, the second one says what to do.
Both may name facts in braces, given when the error is raised: `raise ImageTooLarge(width=…, height=…)`.
"""

from inspect import cleandoc
from typing import Any


class NddError(Exception):
    """Something unexpected went wrong.

    Look at the job's page and at the worker's log.
    """

    def __init__(self, **facts: Any) -> None:
        self.facts = facts
        reason, _, advice = cleandoc(type(self).__doc__ or "").partition("\n\n")
        self.reason = " ".join(reason.split()).format(**facts)
        self.advice = " ".join(advice.split()).format(**facts)
        super().__init__(f"{self.reason} {self.advice}".strip())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.facts)


def _rebuild(kind: type[NddError], facts: dict[str, Any]) -> NddError:
    return kind(**facts)


# --- one file -------------------------------------------------------------------------------------------------------


class UnreadableFile(NddError):
    """The file could not be read: {detail}.

    Check the file's permissions and the disk or storage it lies on, then ingest again.
    """


class UnreadableImage(NddError):
    """The file could not be decoded as an image: {detail}.

    Open it in an image viewer; if that fails too, scan it again or restore it from a backup.
    """


class EmptyFile(UnreadableImage):
    """The file is empty (0 bytes).

    Copy it again from where it came from.
    """


class NotAnImage(UnreadableImage):
    """The file is not an image in a format that ndd reads.

    ndd reads JPEG, PNG, WebP, TIFF and GIF; convert the file or leave it out.
    """


class TruncatedImage(UnreadableImage):
    """The image ends before all its pixels are there.

    Copy it again from where it came from, or scan it again.
    """


class ImageTooLarge(UnreadableImage):
    """The image has {width} × {height} pixels, more than the limit of {limit} million.

    If it is genuine, raise NDD_MAX_MEGAPIXELS (the worker needs about 12 bytes of memory for each pixel).
    """


class BrokenWorkingCopy(UnreadableImage):
    """The working copy of a photo cannot be decoded.

    Restore it from a backup of the storage; the master itself may be in order.
    """


# --- backbones and encoders -----------------------------------------------------------------------------------------


class WeightsUnavailable(NddError):
    """The weights of {name} are neither in NDD_WEIGHTS_DIR nor in the local hub cache, and {detail}.

    Put {name}.safetensors into the folder that NDD_WEIGHTS_DIR names, or let this machine reach huggingface.co once.
    """


class UnknownBackbone(NddError):
    """timm knows no network named {name}.

    Set NDD_BACKBONE to one of the names that timm.list_models() gives.
    """


class WrongWeights(NddError):
    """The weights in {file} cannot be used for {name}: {detail}.

    Replace the file by the whole, unchanged weights of {name}.
    """


class TooFewPhotos(NddError):
    """An encoder needs at least {minimum} photos to be fitted, and there are {count}.

    Add photos, or use the site encoders, which need none of the collection's own.
    """


class DamagedEncoder(NddError):
    """The weights file of the encoder is damaged: {detail}.

    Fit the encoder again; until then another encoder serves.
    """


class ExtractorChanged(NddError):
    """The encoder was fitted on features of “{fitted}”, and this machine would give it “{present}”.

    Put back the weights and the version of ndd it was fitted with, or fit it again.
    """


# --- storage and jobs -------------------------------------------------------------------------------------------------


class StorageUnavailable(NddError):
    """The stored file {name} could not be read or written: {detail}.

    Check the storage's settings (STORAGES, NDD_STORAGE), its credentials and its free space.
    """


class JobLost(NddError):
    """Job {job} was taken over by another worker.

    Nothing to do: the other worker goes on from the last finished batch.
    """


# --- descriptions -----------------------------------------------------------------------------------------------------


class InvalidDescription(NddError):
    """The field {field} cannot hold {value}: {detail}.

    Correct the value and try again.
    """


class NotAllowed(NddError):
    """{person} may not change the description of {photo}.

    Log in as a cataloguer, or ask an administrator for the permission to change photos.
    """


class EditedSince(NddError):
    """The field {field} of {photo} was changed after the copy, from {after} to {now}.

    Undoing would lose that edit. Change the field by hand if the old value is wanted: {before}.
    """


class ChangedSincePreview(NddError):
    """The description of {photo} was changed after the preview was made.

    Look at the new preview and copy again.
    """


class NothingToCopy(NddError):
    """None of the chosen fields would change.

    Choose at least one field that the other record has and this one lacks, or replace or append.
    """


class AlreadyUndone(NddError):
    """This copy was already taken back by {person}.

    Nothing to do.
    """


class RecordGone(NddError):
    """The record {name} is no longer in the archive.

    Its checksum and name stay in the log; there is nothing to put back.
    """


# --- ingest -----------------------------------------------------------------------------------------------------------


class NameTaken(NddError):
    """Another file was ingested into “{collection}” under this name before; its record is left as it is.

    Rename the file to add it as a photo of its own.
    """


class IdentifierTaken(NddError):
    """The identifier {identifier} already belongs to {holder}; the photo is in, without an identifier.

    Correct the identifier in the manifest and ingest it again, or enter it on the record.
    """


class SourceMissing(NddError):
    """There is nothing at {path}.

    Check the spelling; it is read on the machine that runs the worker.
    """


class UnknownSource(NddError):
    """{path} is neither a folder, nor a ZIP, nor a CSV manifest.

    Give a folder of scans, a .zip, or a .csv with a column named “file”.
    """


class BrokenArchive(NddError):
    """The ZIP {name} cannot be opened: {detail}.

    Download or pack it again, or unpack it and ingest the folder.
    """


class BrokenManifest(NddError):
    """The manifest {name} cannot be read: {detail}.

    Save the table as “CSV UTF-8”; its first row must name the columns, one of them “file”.
    """


class FileTooLarge(NddError):
    """The file has {megabytes} MB, more than the limit of {limit} MB.

    If it is genuine, raise NDD_MAX_FILE_MEGABYTES (the worker needs as much memory).
    """


class NameOutsideSource(NddError):
    """The name leads out of the folder or ZIP that is being ingested.

    Put the file inside, under a plain relative name without “..”.
    """


class NameTwice(NddError):
    """The name stands in the source twice; the first file is in, this one is left out.

    Rename one of the files, or take the second row out of the manifest.
    """


class NameNotText(NddError):
    """The name is not valid UTF-8.

    Rename the file or folder, then ingest again.
    """


class LinkNotFollowed(NddError):
    """It is a link, and ndd follows none.

    Put the file itself in its place, or ingest the folder that it leads to.
    """


class NestedArchive(NddError):
    """It is an archive inside the source, and ndd does not look into it.

    Unpack it and ingest its files.
    """


class EncryptedMember(NddError):
    """The file is encrypted inside the ZIP.

    Unpack the ZIP with its password and ingest the folder.
    """


class OvercompressedMember(NddError):
    """The file would unpack to more than {ratio} times its size, as no scan does.

    If it is genuine, unpack the ZIP and ingest the folder.
    """


class BrokenMember(NddError):
    """The file cannot be unpacked from the ZIP: {detail}.

    Download or pack the ZIP again, or unpack it with another program and ingest the folder.
    """


class RowNotText(NddError):
    """Line {line} of the manifest is not valid UTF-8; its photo is left out.

    Save the table as “CSV UTF-8” and ingest it again.
    """


class BrokenRow(NddError):
    """Line {line} of the manifest cannot be read: {detail}.

    Check its quotation marks and the number of its cells, then ingest it again.
    """


class FileMissing(NddError):
    """Line {line} of the manifest names a file that is not there.

    Check the spelling, capital letters included; names are relative to the manifest's folder.
    """


class UnknownRecord(NddError):
    """The archive has no record “{record}” that this scan could belong to; the photo is in, without a description.

    Correct the column “record” in the manifest, or create the record, and ingest it again.
    """


# --- encoders and matching --------------------------------------------------------------------------------------------


class NoPhotos(NddError):
    """The collection {collection} has no photos.

    Ingest some first: manage.py ingest_collection {collection} FOLDER
    """


class UnknownMethod(NddError):
    """There is no method {method}.

    Choose one of: {known}.
    """


class UnknownCollection(NddError):
    """There is no collection {slug}.

    {known}
    """


# --- evaluation -------------------------------------------------------------------------------------------------------


class WrongAnnotation(NddError):
    """{file} cannot be read as an annotation: {detail}.

    It must be a CSV file in UTF-8 with the columns {columns}.
    """


class UnknownPhotos(NddError):
    """{count} names in the annotation are no photos of the collection, such as {examples}.

    Photos are named by their path inside the source they were ingested from.
    """


class UnknownEncoder(NddError):
    """No encoder {encoder} has embedded the collection {collection}.

    There are: {known}.
    """


class NotEmbedded(NddError):
    """The photos of {collection} are not embedded yet.

    Start a worker, or run: manage.py embed_collection {collection}
    """
