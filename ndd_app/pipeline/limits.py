"""How far the matching looks: for the stages that do it, and for those that tell where a pair was lost."""

NEIGHBOURS = 20
"""Neighbours of each photo, by each encoder and fingerprint, that are looked at as pairs."""
VERIFIED = 8
"""The nearest of these, by each encoder and fused, are verified by geometry."""
FLOOR = 0.02
"""Pairs with a smaller chance are not stored. A pair with a verdict always is."""
NEAREST_ELSEWHERE = 4
"""Photos of other collections that each site encoder proposes for a photo."""
MOST_CHANGES = 500
"""Pairs of each kind that a report of changes keeps, the likeliest first."""
