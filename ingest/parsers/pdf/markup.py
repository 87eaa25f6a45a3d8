"""Takes out of liteparse's texts the Markdown and LaTeX it writes into them: a quote is what is printed."""

import re
from collections.abc import Callable, Set

_SPACE = re.compile(r"(\s+)")
_SUSPECT = re.compile(r"[*\\`~]")
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|$~<>])")
_SIGNS = "*`~"
_FORMULA = re.compile(r"\$[^$]*[\\_^{][^$]*\$")


def without_markup(text: str, printed: Set[str]) -> str:
    """`text` without emphasis signs and escapes; `printed` are the words that really stand on the page."""
    if not _SUSPECT.search(text):
        return text
    tokens = (_plain(token, printed) if _SUSPECT.search(token) else token for token in _SPACE.split(text))
    return re.sub(r"[^\S\n]{2,}", " ", "".join(tokens))


def has_invented_formula(text: str, printed: Set[str]) -> bool:
    """Whether `text` spells out a formula in LaTeX that the page prints in signs of its own."""
    return _FORMULA.search(text) is not None and not any("$" in word for word in printed)


def _plain(token: str, printed: Set[str]) -> str:
    """The first form that is printed; where none is, as with words cut in two, the barest."""
    unescaped = _ESCAPE.sub(r"\1", token)
    forms: tuple[Callable[[str], str], ...] = (
        lambda form: form,
        lambda form: form.lstrip(_SIGNS),
        lambda form: form.rstrip(_SIGNS),
        lambda form: form.strip(_SIGNS),
    )
    for source in (token, unescaped):
        for form in forms:
            if form(source) in printed:
                return form(source)
    # An escaped sign is printed as such: only signs that were not escaped can be emphasis.
    return _ESCAPE.sub(r"\1", token.strip(_SIGNS))
