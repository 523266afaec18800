"""The administration: collections and their jobs, photos, encoders, and history that nobody changes.

Nothing is deleted here, no record, no answer, no copy; only a collection that never held a photo.
"""

from ndd_app.admin import collections, pairs, photos, work

__all__ = ["collections", "pairs", "photos", "work"]
