"""Text made comparable: the database has no `unaccent` everywhere, so accents are folded here."""

import unicodedata


def fold(text: str) -> str:
    """Lower case without accents: “Škofja Loka” → “skofja loka”."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))
