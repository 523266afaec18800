"""What can be wrong with one file, or with the folder, archive or list it comes from."""

from ndd_app.exceptions.base import NddError


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


class FileTooLarge(NddError):
    """The file has {megabytes} MB, more than the limit of {limit} MB.

    If it is genuine, raise NDD_MAX_FILE_MEGABYTES (the worker needs as much memory).
    """


class SourceMissing(NddError):
    """There is nothing at {path}.

    Check the spelling. It must lie on the machine that reads it: this one or, for a job in the queue, the worker's.
    """


class UnknownSource(NddError):
    """{path} is neither a folder, nor a ZIP, nor a CSV manifest.

    Give a folder of scans, a .zip, or a .csv with a column named “file”.
    """


class NothingToIngest(NddError):
    """There is no scan in {name}.

    ndd reads JPEG, PNG, WebP, TIFF and GIF, in all folders below; a manifest names them, one a row.
    """


class BrokenArchive(NddError):
    """The ZIP {name} cannot be opened: {detail}.

    Download or pack it again, or unpack it and ingest the folder.
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


class BrokenManifest(NddError):
    """The manifest {name} cannot be read: {detail}.

    Save the table as “CSV UTF-8”; its first row must name the columns, one of them “file”.
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


class PhotoMissing(NddError):
    """Line {line} of the manifest names no photo of the ZIP.

    Check the spelling, capital letters included; names are relative to the manifest's folder.
    """


class SecondManifest(NddError):
    """The ZIP has several tables with a column “file”; the photos are in, without descriptions.

    Leave one manifest in the ZIP and ingest it again.
    """


class NameOutsideSource(NddError):
    """The name leads out of the folder or ZIP that is being ingested.

    Put the file inside, under a plain relative name without “..”.
    """


class NameTooLong(NddError):
    """The name, with all folders, has {length} characters, more than the limit of {limit}.

    Shorten the names of the folders that it is in, then ingest again.
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
    """It is a link to another place, and ndd does not follow links.

    Put the file itself in its place, or ingest the folder that it leads to.
    """
