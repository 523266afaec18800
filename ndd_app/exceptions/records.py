"""What can be wrong with records, their descriptions and what people do with them."""

from ndd_app.exceptions.base import NddError


class NameTaken(NddError):
    """Another file was ingested into “{collection}” under this name before; its record is left as it is.

    Rename the file, or the ZIP that it is in, to add it as a photo of its own.
    """


class IdentifierTaken(NddError):
    """The identifier {identifier} already belongs to {holder}; the photo is in, without an identifier.

    Correct the identifier in the manifest and ingest it again, or enter it on the record.
    """


class UnknownRecord(NddError):
    """The archive has no record “{record}” that this scan could belong to; the photo is in, without a description.

    Correct the column “record” in the manifest, or create the record, and ingest it again.
    """


class InvalidDescription(NddError):
    """The field {field} cannot hold {value}: {detail}.

    Correct the value and try again.
    """


class DescriptionRefused(NddError):
    """The archive cannot hold the description: {detail}. Nothing of it was stored.

    Correct the record, or the photo's row in the manifest and ingest it again.
    """


class WrongDescription(NddError):
    """{adapter}.read gives {value!r} for the field {field}, where {wanted} is wanted.

    Let it give "" or [] for what is absent, and dates as text.
    """


class NotAllowed(NddError):
    """{person} may not change the description of {photo}.

    Log in as a cataloguer, or ask an administrator for the permission to change photos.
    """


class ChangedSincePreview(NddError):
    """The description of {photo} was changed after the preview was made.

    Look at the new preview and copy again.
    """


class NothingToCopy(NddError):
    """None of the chosen fields would change.

    Choose at least one field that the other record has and this one lacks, or replace or append.
    """


class EditedSince(NddError):
    """The field {field} of {photo} was changed after the copy, from {after} to {now}.

    Undoing would lose that edit. Change the field by hand if the old value is wanted: {before}.
    """


class AlreadyUndone(NddError):
    """This copy was already taken back by {person}.

    Nothing to do.
    """


class RecordGone(NddError):
    """The record {name} is no longer in the archive.

    Its checksum and name stay in the log; there is nothing to put back.
    """
