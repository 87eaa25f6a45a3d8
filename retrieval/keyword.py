"""BM25 as sparse vectors: weights of a chunk's tokens at write time, rarity of a token by the engine."""

import zlib
from collections import Counter

from retrieval.index import KeywordVector
from retrieval.tokenizing import query_tokens, tokens

DEFAULT_AVERAGE_LENGTH = 100.0
"""Keyword tokens of a usual chunk: no stop words, and no word pieces as the embedder has."""


class KeywordEncoder:
    """Text to the two halves of Okapi BM25 (Robertson and Zaragoza, 2009).

    A chunk's weight for a token is `tf (k1 + 1) / (tf + k1 (1 - b + b length / average_length))`; the engine
    multiplies it with `ln(1 + (N - n + 0.5) / (n + 0.5))` over the chunks that it holds at that moment. So
    adding and deleting chunks needs no rewriting. The average length is a constant: chunks have similar
    lengths by construction, and the real average ranks no better (docs/adr/0003).
    """

    def __init__(
        self, *, average_length: float = DEFAULT_AVERAGE_LENGTH, k1: float = 1.5, b: float = 0.75
    ) -> None:
        self.average_length = average_length
        self._k1 = k1
        self._b = b

    def document(self, text: str, language: str) -> KeywordVector:
        return self.weigh(tokens(text, language))

    def query(self, text: str) -> KeywordVector:
        """Each token counts as often as it is asked for."""
        return _vector({token: float(count) for token, count in Counter(query_tokens(text)).items()})

    def weigh(self, document_tokens: list[str]) -> KeywordVector:
        length_factor = 1 - self._b + self._b * len(document_tokens) / self.average_length
        return _vector(
            {
                token: count * (self._k1 + 1) / (count + self._k1 * length_factor)
                for token, count in Counter(document_tokens).items()
            }
        )


def token_id(token: str) -> int:
    """CRC-32 of the token: the same on every machine, and never equal for two tokens of up to four bytes."""
    return zlib.crc32(token.encode())


def _vector(weights: dict[str, float]) -> KeywordVector:
    """Ascending ids; two tokens that share an id add up."""
    by_id: dict[int, float] = {}
    for token, weight in weights.items():
        number = token_id(token)
        by_id[number] = by_id.get(number, 0.0) + weight
    ordered = sorted(by_id.items())
    return KeywordVector(
        indices=tuple(number for number, _ in ordered), values=tuple(value for _, value in ordered)
    )
