"""What can go wrong while a network is trained, or the paper reproduced."""

from ndd_app.exceptions.base import NddError


class TrainingDiverged(NddError):
    """The training stopped at step {step}: its loss is {loss}, its gradient has the length {gradient}.

    Nothing of it is used. Choose another method, end the training before that step (--steps), or keep the present
    encoder.
    """


class OutOfMemory(NddError):
    """The memory does not suffice for training on {batch} photos at once, and {why}.

    Close other programs, use a machine with more memory, or choose a smaller backbone in NDD_BACKBONE.
    """


class CheckpointFailed(NddError):
    """A checkpoint could not be written into {folder}: {detail}.

    Make room on the disk, then start again: the training goes on from the last whole checkpoint.
    """


class NoLabels(NddError):
    """The method {method} learns from labels, and {detail}.

    Give groups of photos that belong together (--groups FILE), or answer “yes” to some pairs first.
    """


class UnsuitableBackbone(NddError):
    """The method {method} cannot train {name}: {detail}.

    Set NDD_BACKBONE to a plain vision transformer, such as deit_tiny_patch16_224, or choose another method.
    """


class UnreadablePhoto(NddError):
    """The photo {file} cannot be read: {detail}.

    Put a whole copy in its place, or take it out of its folder and of the tables that name it; then start again.
    """


class ResultsNotWritten(NddError):
    """The results cannot be written into {folder}: {detail}.

    Make room on the disk, or see to the permissions of the folder; then start again. Finished runs are kept.
    """


class RunsFailed(NddError):
    """{failed} of {count} runs gave no figures, for the reasons told above.

    The others are kept: see to the reasons, then start again with the same --output.
    """


class NoBenchmark(NddError):
    """{folder} holds no photos to reproduce the paper on: {detail}.

    Give the folder of UKBench (ukbench00000.jpg …, four photos an object), or one with a groups.csv (file,group).
    """
