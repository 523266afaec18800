from ndd_app.models.candidate import Candidate, Evidence
from ndd_app.models.collection import Collection
from ndd_app.models.embedding import EMBEDDING_SIZE, Embedding
from ndd_app.models.encoder import Encoder
from ndd_app.models.fingerprint import Fingerprint
from ndd_app.models.job import Job
from ndd_app.models.metadata_copy import MetadataCopy
from ndd_app.models.photo import Photo
from ndd_app.models.registration import Registration
from ndd_app.models.verdict import Verdict

__all__ = [
    "EMBEDDING_SIZE",
    "Candidate",
    "Collection",
    "Embedding",
    "Encoder",
    "Evidence",
    "Fingerprint",
    "Job",
    "MetadataCopy",
    "Photo",
    "Registration",
    "Verdict",
]
