"""The language a text is written in."""

import re
from typing import Any

import py3langid

UNKNOWN = "und"
_SAMPLE_CHARS = 800
_MIN_LETTERS = 8
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_MACROLANGUAGES = {"yue": "zh", "wuu": "zh", "cmn": "zh", "nb": "no", "nn": "no"}


def detect_language(text: str) -> str:
    """ISO 639-1 code of the language of `text`, judged by its beginning, or `und`.

    The same text gives the same answer always; the model (py3langid, BSD) lies in its wheel.
    """
    letters = _NOT_LETTERS.sub(" ", text[: 2 * _SAMPLE_CHARS]).strip()[:_SAMPLE_CHARS]
    if len(letters) < _MIN_LETTERS:
        return UNKNOWN
    identifier: Any = py3langid
    code: str = identifier.classify(letters)[0]
    code = _MACROLANGUAGES.get(code, code)
    return code if len(code) == 2 else UNKNOWN
