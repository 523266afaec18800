"""The public events of ndd. Receivers get `sender` (the model's class) and the arguments named here."""

from django.dispatch import Signal

collection_ingested = Signal()
"""`collection`, `result` (IngestResult): a source was read in; sent after the last photo is committed."""

candidates_found = Signal()
"""`collection`, `result` (MatchResult): the possible duplicates of a collection were computed anew."""

verdict_recorded = Signal()
"""`verdict`: a person answered whether two photos are duplicates."""

metadata_copied = Signal()
"""`copies` (list of MetadataCopy), `undone` (bool): fields of a description were copied, or a copy was taken back."""
