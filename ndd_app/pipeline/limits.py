"""How far fitting and matching look: for the stages that do it, and for those that tell what they have missed."""

NEIGHBOURS = 20
"""Neighbours of each photo, by each encoder and fingerprint, that are looked at as pairs."""
VERIFIED = 8
"""The nearest of these, by each encoder and fused, are verified by geometry."""
FLOOR = 0.02
"""Pairs with a smaller chance are not stored. A pair with a verdict always is."""
NEAREST_VARIANTS = 4
"""Photos that each variant of a photo proposes, by each encoder."""
NEAREST_ELSEWHERE = 4
"""Photos of other collections that each site encoder proposes for a photo."""
NEAREST_VARIANT_ELSEWHERE = 1
"""The same for each of its variants: a mirrored print is the mirrored photo's nearest there, or is not found."""
MOST_CHANGES = 500
"""Pairs of each kind that a report of changes keeps, the likeliest first."""
FITTED_ON = 5_000
"""Photos that an encoder is fitted on at most: the keypoints of more would not fit into memory, and teach no more."""
