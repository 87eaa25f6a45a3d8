"""Text to keyword tokens: folded, stemmed words without stop words; identifiers whole and in parts."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from threading import Lock
from typing import cast

import Stemmer

_ALGORITHMS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}

# Combining marks that `\w` leaves out; without them Devanagari or vocalised Arabic words would fall apart.
_MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0966-\u0dff"
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
_WORD = re.compile(rf"_*{_LETTER}+(?:[-._/:@'’]?_*{_LETTER}+)*")
_SEPARATORS = re.compile(r"[-._/:@'’]+")
# `camelCase`, `HTTPServer` and `utf8` fall into their parts.
_CAMEL_CASE = re.compile("[a-z][A-Z]|[A-Z]{2}[a-z]{2}")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+|[^\W\d_]+")
# Scripts written without spaces: Thai, Lao, Burmese, Khmer, kana, Han, Hangul.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\U00020000-\U0002ffff]+"
)
_ARABIC = re.compile("[\u0600-\u06ff]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_ARABIC_FORMS = str.maketrans("أإآٱىةؤئ", "اااايهوي", "ـ")
# One lock for all stemmers: they are not safe to share between threads.
_stemming = Lock()


def tokens(text: str, language: str) -> list[str]:
    """Keyword tokens of a chunk in `language` (ISO 639-1); an unknown language is guessed from the text."""
    known = language if language in _ALGORITHMS else likely_languages(text)[0]
    return [token for word in _words(text) for token in _word_tokens(word, known)]


def query_tokens(text: str) -> list[str]:
    """Tokens of a question, whose language nobody states: each word in every language it may be in.

    A French question thus meets French chunks and an English one English chunks, in one index. A stem
    in a language that the collection does not hold matches nothing and costs nothing. A question made of
    stop words alone keeps them all, rather than ask for nothing.
    """
    languages = likely_languages(text)
    found = [
        token
        for word in _words(text)
        for token in dict.fromkeys(stem for each in languages for stem in _word_tokens(word, each))
    ]
    return found or [_folded(word.casefold()) for word in _words(text)]


def likely_languages(text: str) -> Sequence[str]:
    """The languages of most stop words, likeliest first; by script, or all that could be, without any."""
    if _ARABIC.search(text):
        return ("ar",)
    if _CYRILLIC.search(text):
        return ("ru",)
    words = [word for found in _words(text) for word in _SEPARATORS.split(found.casefold())]
    counts = {
        language: sum(word in stop_words for word in words)
        for language, stop_words in _STOP_WORDS.items()
        if language != "ar"
    }
    most = max(counts.values())
    if not most:
        return tuple(counts)
    return tuple(language for language, count in counts.items() if count == most)


def _words(text: str) -> list[str]:
    normal = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _WORD.findall(normal)


@lru_cache(maxsize=65_536)
def _word_tokens(word: str, language: str) -> tuple[str, ...]:
    """All tokens of one run of letters, digits and joining signs."""
    if not word.isascii() and _UNSPACED.search(word):
        return _unspaced_tokens(word, language)
    pieces = [piece for piece in _SEPARATORS.split(word.strip("_")) if piece]
    if not _is_identifier(word, pieces):
        return tuple(stem for piece in pieces if (stem := _stem(piece, language)))
    # A single letter or digit of `E-4012` or `v1.2.3` says nothing alone and would match everywhere.
    parts = [stem for part in _PARTS.findall(word) if len(part) > 1 and (stem := _stem(part, language))]
    # Writers disagree on dashes and underscores: `E-4012`, `E4012` and `e_4012` are one token.
    whole = _folded(re.sub(r"[-_'’]", "", word).casefold())
    return tuple(dict.fromkeys((whole, *parts)))


def _is_identifier(word: str, pieces: list[str]) -> bool:
    """Error codes, versions, file names, addresses, `snake_case` and `camelCase`; not `state-of-the-art`."""
    if any(character.isdigit() for character in word):
        return not word.isdigit()
    if "_" in word.strip("_") or "@" in word or "." in word or ":" in word:
        return len(word) > 1
    return any(_CAMEL_CASE.search(piece) for piece in pieces)


def _unspaced_tokens(word: str, language: str) -> tuple[str, ...]:
    """Overlapping pairs of characters, the usual stand-in for a dictionary (as Lucene's CJK analyser)."""
    found: list[str] = []
    end = 0
    for run in _UNSPACED.finditer(word):
        if before := word[end : run.start()]:
            found.extend(_word_tokens(before, language))
        text = run.group()
        found.extend(text[i : i + 2] for i in range(max(1, len(text) - 1)))
        end = run.end()
    if rest := word[end:]:
        found.extend(_word_tokens(rest, language))
    return tuple(found)


def _stem(word: str, language: str) -> str:
    """The folded stem, or "" for a stop word."""
    lower = word.casefold()
    stop_words = _STOP_WORDS.get(language, frozenset())
    if lower in stop_words or _folded(lower) in stop_words:
        return ""
    if language == "ar":
        lower = _folded(lower)
    with _stemming:
        stem = _STEM[language](lower)
    return _folded(stem)


def _folded(word: str) -> str:
    """Without accents in Latin and Greek, without vowel signs and spelling variants in Arabic."""
    if word.isascii():
        return word
    if _ARABIC.search(word):
        bare = "".join(c for c in word if not unicodedata.combining(c))
        return bare.translate(_ARABIC_FORMS)
    letters: list[str] = []
    for character in word:
        base = unicodedata.normalize("NFKD", character)[0]
        is_western = base.isascii() or "\u0370" <= base <= "\u03ff"
        letters.append(base if is_western else character)
    return "".join(letters)


def _read_stop_words(language: str) -> frozenset[str]:
    text = files("retrieval").joinpath(f"stopwords/{language}.txt").read_text(encoding="utf-8")
    words = unicodedata.normalize("NFC", text).casefold().split()
    return frozenset(words) | frozenset(map(_folded, words))


def _stemmer(algorithm: str) -> Callable[[str], str]:
    return cast(Callable[[str], str], Stemmer.Stemmer(algorithm).stemWord)  # pyright: ignore[reportUnknownMemberType]


_STEM = {language: _stemmer(algorithm) for language, algorithm in _ALGORITHMS.items()}
_STOP_WORDS = {
    language: _read_stop_words(language) for language in ("en", "ar", "de", "es", "fr", "it", "nl", "pt")
}
