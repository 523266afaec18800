"""The ways to fit an encoder to photos, one file each. Later methods are one file and one line here."""

from ndd_app.vision.backbones import present_device
from ndd_app.vision.methods import auto, cosine, mae, simclr, supervised, triplet, vlad, whiten
from ndd_app.vision.methods.fitting import Fitted, Method, Photos

__all__ = ["METHODS", "Fitted", "Method", "Photos"]

METHODS: dict[str, Method] = {
    "auto": Method("deep", auto.fit, trains=present_device().type == "cuda", is_taught=True),
    "cosine": Method("deep", cosine.fit),
    "mae": Method("deep", mae.fit, trains=True),
    "simclr": Method("deep", simclr.fit, trains=True, is_taught=True),
    "supervised": Method("deep", supervised.fit, trains=True, is_taught=True),
    "triplet": Method("deep", triplet.fit, trains=True, is_taught=True),
    "vlad": Method("classical", vlad.fit),
    "whiten": Method("deep", whiten.fit),
}
