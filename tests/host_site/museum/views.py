from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from ndd_app.models import Photo
from tests.host_site.museum.models import Item


def show_item(request: HttpRequest, number: str) -> HttpResponse:
    item = get_object_or_404(Item, number=number)
    return render(request, "museum/item.html", {"item": item, "scans": Photo.objects.filter(record=number)})
