"""What can be wrong around the work: collections, jobs, storage."""

from ndd_app.exceptions.base import NddError


class UnknownCollection(NddError):
    """There is no collection {slug}.

    {known}
    """


class NoPhotos(NddError):
    """The collection {collection} has no photos.

    Ingest some first: manage.py ingest_collection {collection} FOLDER
    """


class VisionMissing(NddError):
    """Here photos cannot be looked at: {modules} cannot be imported.

    Install the extra [vision] into this environment: pip install "ndd_app[vision]"
    """


class JobLost(NddError):
    """Job {job} was taken over by another worker.

    Nothing to do: the other worker goes on from the last finished batch.
    """


class MemoryExhausted(NddError):
    """The memory of this machine does not suffice: {detail}.

    Close other programs, use a machine with more memory, or choose a smaller backbone in NDD_BACKBONE.
    """


class DiskFull(NddError):
    """A disk is full: {detail}.

    Make room on it, then start again. What was finished is kept, and what served before still serves.
    """


class StorageUnavailable(NddError):
    """The stored file {name} could not be read or written: {detail}.

    Check the storage's settings (STORAGES, NDD_STORAGE), its credentials and its free space.
    """
