"""Photos in memory, as the methods take them, with their features computed once."""

from collections.abc import Sequence

from ndd_app.vision.encoders import Extractor, Features
from ndd_app.vision.images import Pixels


class HeldPhotos:
    def __init__(self, pictures: Sequence[Pixels]) -> None:
        self.pictures = pictures
        self.groups: Sequence[str | None] = [None] * len(pictures)
        self.rejected: Sequence[tuple[int, int]] = ()
        self._features: dict[str, list[Features]] = {}

    def __len__(self) -> int:
        return len(self.pictures)

    def picture(self, number: int) -> Pixels:
        return self.pictures[number]

    def features(self, extractor: Extractor) -> list[Features]:
        if extractor.recipe not in self._features:
            self._features[extractor.recipe] = extractor.extract(self.pictures)
        return self._features[extractor.recipe]
