"""What can be wrong with weights, encoders, and the questions asked of them."""

from ndd_app.exceptions.base import NddError


class WeightsUnavailable(NddError):
    """The weights of {name} are neither in NDD_WEIGHTS_DIR nor in the local hub cache, and {detail}.

    Put {name}.safetensors into the folder that NDD_WEIGHTS_DIR names, or let this machine reach huggingface.co once.
    """


class UnknownBackbone(NddError):
    """timm knows no network named {name}.

    Set NDD_BACKBONE to one of the names that timm.list_models() gives.
    """


class WrongWeights(NddError):
    """The weights in {file} cannot be used for {name}: {detail}.

    Replace the file by the whole, unchanged weights of {name}.
    """


class WrongTrainedWeights(WrongWeights):
    """The trained weights of {name} cannot be used: {detail}.

    Fit the encoder again, restore it from a backup of the storage, or let another one serve.
    """


class TooFewPhotos(NddError):
    """An encoder needs at least {minimum} photos that it can learn from, and there are {count}.

    Photos that cannot be read do not count, nor blank ones with vlad. Add some.
    """


class DamagedEncoder(NddError):
    """The weights file of the encoder is damaged: {detail}.

    Restore it from a backup of the storage, or fit another encoder and let that one serve.
    """


class ExtractorChanged(NddError):
    """The encoder was fitted on features of “{fitted}”, and this machine would give it “{present}”.

    Put back the weights and the version of ndd it was fitted with, or fit it again.
    """


class UnknownMethod(NddError):
    """There is no method {method}.

    Choose one of: {known}.
    """


class UnknownEncoder(NddError):
    """No encoder {encoder} can be used for the collection {collection}.

    There are: {known}.
    """


class NotEmbedded(NddError):
    """No photo of {collection} is embedded yet, so that none can be compared.

    Start a worker, or run: manage.py embed_collection {collection}. It names the photos that cannot be read, and an
    encoder that has too few to learn from: two or three are enough, unless they are blank.
    """


class WrongAnnotation(NddError):
    """{file} cannot be read as an annotation: {detail}.

    It must be a CSV file in UTF-8 with the columns {columns}.
    """


class UnknownPhotos(NddError):
    """The annotation names what is no photo of the collection: {examples} ({count} in all).

    Photos are named by their path inside the source they were ingested from.
    """
