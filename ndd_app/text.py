"""Text made comparable (the database has no `unaccent` everywhere, so accents are folded here), and numbers as text."""

import re
import unicodedata


def fold(text: str) -> str:
    """Lower case without accents: “Škofja Loka” → “skofja loka”."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def with_line_feeds(text: str) -> str:
    """Lines end alike wherever a text came from: browsers and Windows end them with a carriage return as well."""
    return re.sub("\r\n?", "\n", text)


def percent(share: float) -> str:
    """“97 %”; never 100 for what is not certain."""
    return f"{min(round(100 * share), 99) if share < 1 else 100} %"
