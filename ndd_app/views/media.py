"""Scans, streamed from the storage to those who may see them."""

from pathlib import PurePosixPath
from typing import IO

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from ndd_app.exceptions import NddError, UnreadableFile
from ndd_app.models import Photo
from ndd_app.storage import photo_storage, storage_errors_translated
from ndd_app.views import access

FRESH_SECONDS = 3600
"""How long a browser shows what it has without asking; a person who lost a permission sees it that much longer."""


@require_safe
def working_copy(request: HttpRequest, pk: int) -> HttpResponseBase:
    photo = access.get_photo(request, pk)
    return _picture(request, str(photo.working_copy), f"{photo.pixel_hash}-working")


@require_safe
def thumbnail(request: HttpRequest, pk: int) -> HttpResponseBase:
    photo = access.get_photo(request, pk)
    return _picture(request, str(photo.thumbnail), f"{photo.pixel_hash}-thumbnail")


@require_safe
def master(request: HttpRequest, pk: int) -> HttpResponseBase:
    photo = access.get_photo(request, pk)
    etag = quote_etag(photo.checksum)
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return unchanged
    try:
        file = _open_master(photo)
    except NddError as error:
        return _not_available(error)
    response = FileResponse(file, as_attachment=True, filename=PurePosixPath(photo.path).name)
    return _cached(response, etag)


def _picture(request: HttpRequest, name: str, version: str) -> HttpResponseBase:
    etag = quote_etag(version)
    if (unchanged := get_conditional_response(request, etag=etag)) is not None:
        return _cached(unchanged, etag)
    try:
        file = _open_stored(name)
    except NddError as error:
        return _not_available(error)
    return _cached(FileResponse(file, content_type="image/jpeg"), etag)


def _open_stored(name: str) -> IO[bytes]:
    with storage_errors_translated(name):
        return photo_storage().open(name)


def _open_master(photo: Photo) -> IO[bytes]:
    if photo.master_file:
        return _open_stored(str(photo.master_file))
    try:
        return open(photo.master_reference, "rb")
    except OSError as error:
        raise UnreadableFile(detail=error.strerror or str(error)) from error


def _cached(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    response["ETag"] = etag
    patch_cache_control(response, private=True, max_age=FRESH_SECONDS)
    return response


def _not_available(error: NddError) -> HttpResponse:
    response = HttpResponse(str(error), status=503, content_type="text/plain; charset=utf-8")
    patch_cache_control(response, no_store=True)
    return response
