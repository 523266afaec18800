from collections.abc import Mapping
from typing import Any

from ndd_app.description import DescriptionAdapter, Field, Kind, Value
from ndd_app.models import Photo
from ndd_app.models.photo import PhotoQuerySet
from tests.host_site.museum.models import Item, Maker


class ItemAdapter(DescriptionAdapter):
    """Lets ndd read and write the museum's items; a photo's `record` is the number of its item."""

    fields = (
        Field("caption", "Caption"),
        Field("maker", "Maker"),
        Field("made", "Made in", Kind.DATE),
        Field("keywords", "Keywords", Kind.LIST),
        Field("story", "Story", Kind.LONG_TEXT),
    )

    def read(self, photo: Photo) -> dict[str, Value]:
        item = self.item(photo)
        values = {field.name: getattr(item, field.name) for field in self.fields}
        return values | {"maker": item.maker.name if item.maker else ""}

    def write(self, photo: Photo, values: Mapping[str, Value]) -> None:
        item = self.item(photo)
        for name, value in values.items():
            setattr(item, name, self.maker(value) if name == "maker" else value)
        item.save(update_fields=list(values))

    def lock(self, photo: Photo) -> None:
        Item.objects.select_for_update().get(number=photo.record)

    def title(self, photo: Photo) -> str:
        return str(self.item(photo))

    def address(self, photo: Photo) -> str:
        return self.item(photo).get_absolute_url()

    def visible(self, user: Any, photos: PhotoQuerySet) -> PhotoQuerySet:
        items = Item.objects.all() if user.is_staff else Item.objects.filter(on_display=True)
        return photos.filter(record__in=items.values("number"))

    def may_edit(self, user: Any, photo: Photo) -> bool:
        return bool(user.has_perm("museum.change_item"))

    def item(self, photo: Photo) -> Item:
        return Item.objects.select_related("maker").get(number=photo.record)

    def maker(self, name: Value) -> Maker | None:
        return Maker.objects.get_or_create(name=name)[0] if name else None
