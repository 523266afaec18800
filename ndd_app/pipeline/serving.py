"""Which encoders may serve a collection, and switching between them.

An encoder of the collection's own serves by itself only if its receipt says so and no person has given a verdict on
the collection's pairs yet; from then on a person switches. What a person has set aside does not come back by itself.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from ndd_app.exceptions import StorageUnavailable
from ndd_app.models import Collection, Encoder, Verdict
from ndd_app.models.encoder import one_of_each_family
from ndd_app.pipeline.limits import FITTED_ON
from ndd_app.storage import is_stored

CHAMPIONS = {"whiten", "vlad"}
"""Methods of the site encoders. Fitted to a collection they need no receipt, unless something better serves there."""
ADOPT = "adopt"
MOST_LOST = 50
"""Scans that are looked for in the storage, one by one."""
SEEN = 0.75
"""The share of a collection that its own encoders should have been fitted on. Those that have seen 769 of 1,179 photos
miss one pair in twenty that the same methods find when they are fitted to all (docs/figures.md)."""


def newest_encoders(collection: Collection) -> list[Encoder]:
    """Those to be embedded before a switch: of each family the collection's newest champion, and what is newer.

    The site's, where the collection has none.
    """
    own = collection.encoders.order_by("pk")
    champions = own.filter(method__in=CHAMPIONS)
    ordered = (one_of_each_family([*Encoder.objects.site(), *some]) for some in (champions, own))
    return list(dict.fromkeys(encoder for some in ordered for encoder in some))


def challengers(collection: Collection) -> list[Encoder]:
    """Of each family the collection's newest encoder, if it waits for its receipt, embedded."""
    present = {encoder.family: encoder for encoder in Encoder.objects.serving(collection)}
    newest = one_of_each_family(embedded_encoders(collection))
    return [e for e in newest if not e.is_serving and needs_receipt(e, present.get(e.family))]


def ready_encoders(collection: Collection) -> list[Encoder]:
    """What serves after a switch that no person makes: the newest that may, else what serves now."""
    serving = Encoder.objects.serving(collection)
    if switches_by_hand(collection):
        return serving
    own = embedded_encoders(collection)
    return one_of_each_family([*serving, *(encoder for encoder in own if _may_serve(encoder, serving))])


def embedded_encoders(collection: Collection) -> list[Encoder]:
    """The collection's own, oldest first, that have embedded all of it that what serves now has: they can serve."""
    present = {other.family: other for other in Encoder.objects.serving(collection)}
    own = collection.encoders.order_by("pk")
    return [encoder for encoder in own if _can_replace(present.get(encoder.family), encoder, collection)]


def outgrown(collection: Collection, own: Iterable[Encoder], photos: int) -> list[str]:
    """Which of the collection's own encoders that serve have seen too few of its photos: one note, or none.

    None where a newer one has seen enough: whether that serves is for its receipt or a person to say.
    """
    enough = SEEN * min(photos, FITTED_ON)
    own = list(own)
    adapted = {encoder.family for encoder in own if encoder.photo_count >= enough}
    few = [encoder for encoder in own if encoder.is_serving and encoder.family not in adapted]
    if not few:
        return []
    named = ", ".join(f"{encoder} ({encoder.photo_count})" for encoder in few)
    again = "adapt_collection {0}, embed_collection {0} --newest, find_duplicates {0} --switch"
    return [
        f"There are {photos} photos now, and these encoders were fitted on fewer: {named}. Adapt the collection again,"
        f" so that no duplicates are missed: {again.format(collection.slug)}."
    ]


def is_embedded(collection: Collection, encoder: Encoder) -> bool:
    """It has embedded all of the collection that what serves now in its place has: it can serve at once."""
    present = {other.family: other for other in Encoder.objects.serving(collection)}.get(encoder.family)
    return _can_replace(present, encoder, collection)


def _can_replace(present: Encoder | None, encoder: Encoder, collection: Collection) -> bool:
    """Scans that were lost since the present one has seen them keep no later one out."""
    count = count_embedded(collection, encoder)
    if not count or present is None or count >= count_embedded(collection, present):
        return bool(count)
    lacking = collection.photos.filter(embeddings__encoder=present).exclude(embeddings__encoder=encoder)
    scans = lacking.values_list("working_copy", flat=True)[: MOST_LOST + 1]
    with suppress(StorageUnavailable):
        return len(scans) <= MOST_LOST and not any(map(is_stored, scans))
    return False


def count_embedded(collection: Collection, encoder: Encoder) -> int:
    return encoder.embeddings.filter(photo__collection=collection).count()


def waiting_encoders(collections: Iterable[Collection]) -> list[Encoder]:
    """What a person may switch on where people have begun to answer: the newest that proved better, if it is newer
    than what serves.
    """
    there = OuterRef("collection")
    answers = Verdict.objects.filter(Q(first__collection=there) | Q(second__collection=there))
    own = Encoder.objects.filter(Exists(answers), collection__in=collections).select_related("collection")
    good = [encoder for encoder in own.order_by("pk") if encoder.is_serving or is_offered(encoder)]
    newest = {(encoder.collection_id, encoder.family): encoder for encoder in good}
    return [encoder for encoder in newest.values() if not encoder.is_serving]


def is_offered(encoder: Encoder) -> bool:
    return encoder.receipt.get("decision") == ADOPT and not encoder.receipt.get("set_aside")


def predecessor(encoder: Encoder) -> Encoder | None:
    """What serves the collection again if its own encoder steps back: what served before it, else the site's."""
    able = Encoder.objects.filter(Q(collection=encoder.collection) | Q(collection=None, is_serving=True))
    same = able.filter(family=encoder.family).exclude(pk=encoder.pk)
    return same.filter(pk=encoder.receipt.get("replaced")).first() or same.filter(collection=None).first()


def switches_by_hand(collection: Collection) -> bool:
    """People have begun to answer: what they see changes only when one of them wants it to."""
    return Verdict.objects.filter(Q(first__collection=collection) | Q(second__collection=collection)).exists()


def serving_with(collection: Collection, encoder: Encoder) -> list[Encoder]:
    """What would serve if the encoder did."""
    return one_of_each_family([*Encoder.objects.serving(collection), encoder])


def needs_receipt(encoder: Encoder, present: Encoder | None) -> bool:
    is_champion = encoder.method in CHAMPIONS and (present is None or present.method in CHAMPIONS)
    return encoder.family == Encoder.Family.DEEP and not is_champion


@transaction.atomic
def serve(encoder: Encoder) -> None:
    """Switch the encoder on, and its predecessor off, in one step."""
    same = Encoder.objects.filter(collection=encoder.collection, family=encoder.family)
    list(same.select_for_update().values_list("pk"))
    same.filter(is_serving=True).exclude(pk=encoder.pk).update(is_serving=False)
    Encoder.objects.filter(pk=encoder.pk).update(is_serving=True)


@transaction.atomic
def switch(collection: Collection, encoder: Encoder, by_hand: bool = False) -> None:
    """Let an encoder serve the collection: one of its own, or a site encoder instead of that.

    By hand: the predecessor is set aside. Its embeddings stay, so that switching back is one step.
    """
    serving = {other.family: other for other in Encoder.objects.serving(collection)}
    before = serving.get(encoder.family)
    if before == encoder:
        return
    if encoder.collection_id is None:
        collection.encoders.filter(family=encoder.family, is_serving=True).update(is_serving=False)
    else:
        serve(encoder)
        note(encoder, set_aside=None, replaced=before.pk if before else None)
    if by_hand and before and before.collection_id:
        note(before, set_aside=True)


@transaction.atomic
def note(encoder: Encoder, **values: Any) -> None:
    """Write values into the encoder's receipt; None takes one out."""
    receipt = Encoder.objects.select_for_update().values_list("receipt", flat=True).get(pk=encoder.pk) | values
    encoder.receipt = {name: value for name, value in receipt.items() if value is not None}
    Encoder.objects.filter(pk=encoder.pk).update(receipt=encoder.receipt)


def _may_serve(encoder: Encoder, serving: list[Encoder]) -> bool:
    if encoder.is_serving:
        return True
    present = next((other for other in serving if other.family == encoder.family), None)
    decision = encoder.receipt.get("decision")
    is_good = decision == ADOPT if decision else not needs_receipt(encoder, present)
    return is_good and not encoder.receipt.get("set_aside")
