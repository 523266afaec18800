"""Who may see and change what. The only place where a permission becomes a 404, a 403 or a way to the login page."""

from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.http import url_has_allowed_host_and_scheme

from ndd_app.description import adapter
from ndd_app.models import Collection, Encoder, Job, Photo
from ndd_app.models.encoder import EncoderQuerySet
from ndd_app.models.job import JobQuerySet
from ndd_app.pipeline import review

View = Callable[..., HttpResponse]

START_JOBS = "ndd_app.change_collection"


class SignedInRequest(HttpRequest):
    """What a view gets behind `login_required`."""

    user: AbstractBaseUser  # type: ignore[assignment]


def get_photo(request: HttpRequest, pk: int) -> Photo:
    """The photo, if the visitor may see it; what they may not see does not exist for them."""
    visible = adapter().visible(request.user, Photo.objects.select_related("collection"))
    return get_object_or_404(visible, pk=pk)


def get_collection(request: HttpRequest, slug: str) -> Collection:
    """A collection of which the visitor may see at least one photo."""
    collection = get_object_or_404(Collection, slug=slug)
    if not adapter().visible(request.user, Photo.objects.filter(collection=collection)).exists():
        raise Http404
    return collection


def or_login(view: View) -> View:
    """What visitors may not see may be there once they log in: they are led to the login page, as if it were."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Http404:
            if request.user.is_authenticated:
                raise
            return redirect_to_login(request.get_full_path())

    return guarded


def get_pair(request: HttpRequest, one: int, other: int) -> tuple[Photo, Photo]:
    if one == other:
        raise Http404
    return get_photo(request, one), get_photo(request, other)


def require_edit(request: HttpRequest, *photos: Photo) -> None:
    """Each of the photos must be the visitor's to describe."""
    if not all(adapter().may_edit(request.user, photo) for photo in photos):
        raise PermissionDenied


def may_answer(request: HttpRequest, one: Photo, other: Photo) -> bool:
    return review.may_answer(request.user, one, other)


def require_answer(request: HttpRequest, one: Photo, other: Photo) -> None:
    if not may_answer(request, one, other):
        raise PermissionDenied


def may_start_jobs(request: HttpRequest) -> bool:
    return bool(request.user.has_perm(START_JOBS))


def visible_collections(request: HttpRequest) -> QuerySet[Collection]:
    """Those of which the visitor may see photos."""
    visible = adapter().visible(request.user, Photo.objects.filter(collection=OuterRef("pk")))
    return Collection.objects.filter(Exists(visible))


def known_collections(request: HttpRequest) -> QuerySet[Collection]:
    """Visible ones and, for those who start jobs, also those that wait for their first photos."""
    visible = visible_collections(request)
    if not may_start_jobs(request):
        return visible
    empty = ~Exists(Photo.objects.filter(collection=OuterRef("pk")))
    return Collection.objects.filter(Q(pk__in=visible.values("pk")) | empty)


def visible_encoders(request: HttpRequest) -> EncoderQuerySet:
    """The site's, and those of collections of which the visitor may see photos."""
    return Encoder.objects.filter(Q(collection=None) | Q(collection__in=visible_collections(request)))


def visible_jobs(request: HttpRequest) -> JobQuerySet:
    """Jobs of collections of which the visitor may see photos, for those who start jobs or edit photos there."""
    if may_start_jobs(request):  # they also follow the ingest that brings a collection its first photos
        theirs = list(known_collections(request))
    else:
        visible = adapter().visible(request.user, Photo.objects.filter(collection=OuterRef("pk")))
        one_of_each = Collection.objects.values(one=Subquery(visible.values("pk")[:1]))
        some = Photo.objects.filter(pk__in=one_of_each).select_related("collection")
        theirs = [photo.collection for photo in some if adapter().may_edit(request.user, photo)]
    return Job.objects.filter(collection__in=theirs).select_related("collection")


def unfinished_jobs(request: HttpRequest) -> dict[int, list[Job]]:
    """By the collection's id, oldest first."""
    jobs: dict[int, list[Job]] = defaultdict(list)
    if request.user.is_authenticated:
        for job in visible_jobs(request).unfinished().order_by("pk"):
            jobs[job.collection_id].append(job)
    return jobs


def login_required(view: View) -> View:
    """Visitors are asked to log in, and come back to the page they were on."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        return redirect_to_login(_page_of(request))

    return checked


def starts_jobs(view: View) -> View:
    return login_required(permission_required(START_JOBS, raise_exception=True)(view))


def safe_next(request: HttpRequest) -> str | None:
    """The page of this site that the form or the address names as the one to return to."""
    return _if_of_this_site(request, request.POST.get("next") or request.GET.get("next", ""))


def _page_of(request: HttpRequest) -> str:
    """What a form was sent to cannot be opened again; the page that it stood on can."""
    if request.method != "POST":
        return request.get_full_path()
    return _if_of_this_site(request, request.headers.get("Referer", "")) or "/"


def _if_of_this_site(request: HttpRequest, address: str) -> str | None:
    hosts = {request.get_host()}
    return address if url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure()) else None
