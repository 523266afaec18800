"""Which runs there are: the paper's rows with its networks, and the same ones small enough for two processor cores."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ndd_app.vision.plans import OURS, PAPER, Plan

TRAIN, BOTH, TEST, COLLECTION = "train", "train + test", "test", "the collection"
INDUCTIVE = ("supervised", "triplet", "simclr", "mae")
TRANSDUCTIVE = ("simclr", "mae")
HASHES = ("phash", "block mean")
FROZEN, FROZEN_PATCHES = "frozen", "frozen, patch tokens"


@dataclass(frozen=True)
class Network:
    """side: input size in pixels, None for the network's own."""

    name: str
    is_vit: bool
    pretrained: bool
    side: int | None = None

    @property
    def weights(self) -> str:
        return "pretrained" if self.pretrained else "from scratch"


@dataclass(frozen=True)
class Run:
    """One way to compare photos; fitted_on is empty where nothing is fitted."""

    method: str
    network: Network | None = None
    fitted_on: str = ""

    @property
    def name(self) -> str:
        parts = [self.method]
        if self.network:
            parts += [self.network.name, self.network.weights]
        return ", ".join([*parts, self.fitted_on] if self.fitted_on else parts)

    @property
    def key(self) -> str:
        """The same as a file name."""
        return "-".join("".join(c if c.isalnum() else " " for c in self.name.lower()).split())

    @property
    def measured_on(self) -> set[str]:
        """What is fitted on the collection is of no interest on UKBench, nor the other way round."""
        alone = {COLLECTION: {"collection"}, BOTH: {"ukbench"}, TEST: {"ukbench"}}
        return alone.get(self.fitted_on, {"ukbench", "collection"})

    @property
    def frozen(self) -> "Run | None":
        """The run that this one must beat for its training to have been of use."""
        if not self.fitted_on:
            return None
        return Run(FROZEN_PATCHES if self.method == "mae" else FROZEN, self.network)


@dataclass(frozen=True)
class Profile:
    """pretrained, scratch: how networks of either origin are trained. published: the paper's figures stand beside."""

    name: str
    networks: tuple[Network, ...]
    pretrained: Plan
    scratch: Plan
    folds: int
    published: bool

    def plan(self, run: Run, steps: int | None) -> Plan:
        assert run.network is not None
        return replace(self.pretrained if run.network.pretrained else self.scratch, steps=steps)


_SMALL = replace(OURS, epochs=4, rate=1e-4)

PROFILES = {
    "paper": Profile(
        "paper",
        (
            Network("resnet50", is_vit=False, pretrained=True),
            Network("vit_large_patch16_224.augreg_in21k_ft_in1k", is_vit=True, pretrained=True),
            Network("resnet50", is_vit=False, pretrained=False),
            Network("vit_large_patch16_224.augreg_in21k_ft_in1k", is_vit=True, pretrained=False),
        ),
        pretrained=PAPER,
        scratch=PAPER,
        folds=1,
        published=True,
    ),
    "small": Profile(
        "small",
        (
            Network("densenet169", is_vit=False, pretrained=True, side=128),
            Network("deit_tiny_patch16_224", is_vit=True, pretrained=True),
            Network("resnet10t", is_vit=False, pretrained=False, side=128),
            Network("vit_tiny_patch16_224", is_vit=True, pretrained=False, side=128),
        ),
        pretrained=_SMALL,
        scratch=replace(_SMALL, rate=1e-3, layer_decay=1),
        folds=5,
        published=False,
    ),
}


def runs_of_table(table: int, profile: Profile) -> list[Run]:
    """1: UKBench, inductive. 2: what fitting on the test photos gives, without labels. 3: the annotated collection."""
    simple = [Run(name) for name in HASHES]
    match table:
        case 1:
            trained = _trained(profile.networks, INDUCTIVE, (TRAIN,))
            return [*simple, *_frozen(profile.networks), *trained]
        case 2:
            pretrained = [network for network in profile.networks if network.pretrained]
            return [*_frozen(pretrained), *_trained(pretrained, TRANSDUCTIVE, (TRAIN, BOTH, TEST))]
        case 3:
            pretrained = [network for network in profile.networks if network.pretrained]
            inductive = _trained(pretrained, INDUCTIVE, (TRAIN,))
            return [
                *simple, *_frozen(pretrained), *inductive, *_trained(pretrained, TRANSDUCTIVE, (COLLECTION,))
            ]  # fmt: skip
    raise ValueError(f"There is no table {table}; the paper has 1, 2 and 3.")


def _frozen(networks: Sequence[Network]) -> Iterator[Run]:
    for network in networks:
        yield Run(FROZEN, network)
        if network.is_vit:
            yield Run(FROZEN_PATCHES, network)


def _trained(networks: Sequence[Network], methods: Sequence[str], fitted_on: Sequence[str]) -> list[Run]:
    return [
        Run(method, network, photos)
        for network in networks
        for method in methods
        for photos in fitted_on
        if network.is_vit or method != "mae"
    ]
