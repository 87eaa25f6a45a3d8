"""What a question asks for: its content words and the kind of answer it expects."""

import re
from dataclasses import dataclass
from enum import StrEnum

from retrieval.tokenizing import likely_languages, tokens


class AnswerKind(StrEnum):
    NUMBER = "number"
    """An amount, a count or a duration."""
    DATE = "date"
    PERSON = "person"
    PLACE = "place"
    YES_NO = "yes_no"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A content word of the question."""

    forms: frozenset[str]
    """Its keyword tokens, in every language that the question may be in."""
    is_name: bool
    """Starts with a capital inside the question, or is an identifier such as `E-4012`."""
    is_number: bool
    is_framing: bool
    """Tells how the question is put rather than what it is about: an answer need not repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    terms: tuple[Term, ...]
    kind: AnswerKind
    is_negated: bool

    @property
    def words(self) -> frozenset[str]:
        """All words as they stand, in lower case."""
        return frozenset(_WORDISH.findall(self.text.lower()))


_KINDS: tuple[tuple[AnswerKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (
            AnswerKind.NUMBER,
            r"\bhow (?:many|much|long|old|often|far|high|large|big|tall|fast|soon|late|early|hot|heavy)\b"
            r"|\bwhat (?:\w+ ){0,2}(?:percent(?:age)?|number|amount|rate|price|cost|fee|limit|fraction)\b"
            r"|\bwhat (?:would|does|do|did|will|is|are)\b.{0,80}\bcosts?\b"
            r"|\bthe (?:most|least|maximum|minimum)\b.{0,60}\bcost\b"
            r"|\bcombien\b|\bquel(?:le)?s? (?:est |sont )?(?:la |le |l['’])?"
            r"(?:montant|nombre|taux|durée|prix|pourcentage|délai|plafond)"
            r"|\bwie (?:viele?|lange|oft|hoch|groß|alt)\b|\bcuánt[oa]s?\b"
            r"|(?:^|\s)[بوف]?كم(?:\s|$)|多少|几[个天年次]|多久|多大|多长",
        ),
        (
            AnswerKind.DATE,
            r"(?:^|[.,;:?!]|\band|\bor|\bsince|\buntil|\bby)\s*when\b"
            r"|\b(?:what|which|in what) (?:\w+ )?(?:year|date|day|month|century|decade|time)\b"
            r"|\bquand\b|\b(?:à|de|depuis|jusqu['’]à) quelles? (?:dates?|heures?)\b"
            r"|\bquelle (?:année|date)\b|\ben quelle année\b"
            r"|\bwann\b|\bin welchem jahr\b|\bcuándo\b|\ben qué año\b"
            r"|متى|في أي (?:عام|سنة|يوم)|什么时候|何时|哪一?年|哪天",
        ),
        (
            AnswerKind.PERSON,
            r"\bwho(?:m|se)?\b|\bqui\b(?! (?:est|sont) (?:le|la|les) )|\bwer\b|\bwem\b|\bwen\b"
            r"|\bquién(?:es)?\b|(?:^|\s)من (?:هو|هي|الذي|كان|قام|يجب|يوافق)|谁",
        ),
        (AnswerKind.PLACE, r"\bwhere\b|\boù\b|\bwo\b|\bdónde\b|أين|哪里|在哪|何处"),
        (
            AnswerKind.YES_NO,
            r"^\s*(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had|am)\b"
            r"|^\s*est-ce qu|\by a-t-il\b"
            r"|^\s*(?:peut|puis|doit|faut)-(?:on|je|il)\b|^\s*هل\b|吗[？?]?\s*$|是否",
        ),
    )
)
_MEASURES = {
    "high": "height",
    "tall": "height",
    "long": "length duration",
    "wide": "width",
    "deep": "depth",
    "heavy": "weight",
    "weigh": "weight",
    "weighs": "weight",
    "old": "age",
    "far": "distance",
    "fast": "speed",
    "cost": "price",
    "costs": "price",
    "haut": "hauteur",
    "haute": "hauteur",
    "pèse": "poids",
    "coûte": "prix",
    "hoch": "höhe",
    "lang": "länge dauer",
    "wiegt": "gewicht",
    "kostet": "preis",
    "pesa": "peso",
    "cuesta": "precio",
}
"""What a table or a specification calls the thing that a question asks for with this word."""
_FRAMING = re.compile(
    r"want|need|possible|happens?|means?|deals?|problem|please|tell|know|explain|ok(?:ay)?|allowed|much|many|often"
    r"|soon|late|early|large|big|hot|says?|dois|doit|puis|peut|faut|veux|dispose|temps|élève|accord|signifie"
    r"|يبلغ|يمكن|يجب|هناك|beträgt|gibt|muss|darf|kann|puede|debo|hay|significa",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_][\w\-./:@'’]*[^\W_]|[^\W_]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SENTENCE_END = re.compile(r"(?<=[.!。！])\s+")
_NEGATION = re.compile(
    r"\b(?:not|never|cannot|without|except|excluding|neither|nor|\w+n['’]t|ne|pas|jamais|sans|sauf|nicht|nie|kein\w*|"
    r"nunca|sin|لا|لم|لن|ليس|غير|بدون)\b|[不没未非]",
    re.IGNORECASE,
)


def read_question(text: str) -> Question:
    languages = tuple(likely_languages(text))[:3]
    found: dict[frozenset[str], Term] = {}
    for position, match in enumerate(_WORD.finditer(text)):
        word = match.group()
        measured = f"{word} {_MEASURES.get(word.lower(), '')}"
        forms = [form for language in languages for form in tokens(measured, language)]
        # A script without spaces gives one run with many tokens: each is a term of its own.
        split = [[form] for form in dict.fromkeys(forms)] if _UNSPACED.search(word) else [forms]
        for each in split:
            if key := frozenset(each):
                is_number = word[0].isdigit() and not any(c.isalpha() for c in word)
                # German capitalises every noun.
                is_capital = position > 0 and word[0].isupper() and languages[0] != "de"
                is_name = is_capital or (any(c.isdigit() for c in word) and not is_number)
                is_framing = _FRAMING.fullmatch(word) is not None or word.lower() in _MEASURES
                found.setdefault(
                    key, Term(forms=key, is_name=is_name, is_number=is_number, is_framing=is_framing)
                )
    kind = next((kind for kind, pattern in _KINDS if pattern.search(text)), AnswerKind.OTHER)
    asking = _SENTENCE_END.split(text.strip())[-1]  # "I do not agree with my bill. Whom do I ask?"
    return Question(text=text, terms=tuple(found.values()), kind=kind, is_negated=is_negated(asking))


def is_negated(text: str) -> bool:
    return _NEGATION.search(text) is not None


_NUMBER_WORDS = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|"
    r"ninety|hundred|thousand|million|billion|half|third|quarter|once|twice|dozen|none|"
    r"une?|deux|trois|quatre|cinq|sept|huit|neuf|dix|vingt|trente|cent|mille|moitié|"
    r"zwei|drei|vier|fünf|sechs|dos|tres|cuatro|cinco|seis|"
    r"يوم(?:ان|ين)|شهر(?:ان|ين)|ثلاث\w*|أربع\w*|خمس\w*|ست\w*|سبع\w*|ثماني\w*|تسع\w*|عشر\w*|مئ\w*|مائ\w*|ألف|نصف)"
)
_NUMBER = re.compile(rf"\d|\b{_NUMBER_WORDS}\b|[一二三四五六七八九十百千万亿半]", re.IGNORECASE)
_DATE = re.compile(
    r"\b(?:1\d{3}|20\d\d)s?\b|\b\d{1,2}[./-]\d{1,2}\b|\b\d{1,2}(?::\d\d|h\d{0,2}| ?[ap]\.?m)\b"
    r"|\b(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?"
    r"|nov(?:ember)?|dec(?:ember)?)\b|\b(?-i:May)\b"
    r"|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\b(?:centur(?:y|ies)|quarter|noon|midnight)\b"
    r"|\b(?:janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|"
    r"lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|siècle|midi|minuit)\b"
    r"|\b(?:januar|februar|märz|juni|juli|oktober|dezember|jahrhundert|enero|febrero|marzo|abril|mayo|junio|julio|"
    r"agosto|septiembre|octubre|noviembre|diciembre|siglo)\b"
    r"|يناير|فبراير|مارس|أبريل|مايو|يونيو|يوليو|أغسطس|سبتمبر|أكتوبر|نوفمبر|ديسمبر|جانفي|فيفري|أفريل|ماي|جوان|جويلية|أوت"
    r"|سنة|عام|القرن|[年月日]",
    re.IGNORECASE,
)
_CAPITAL = re.compile(r"(?<![.!?:]\s)(?<!\A)(?<!\w)[A-ZÀ-Þ][\w’'-]+")
_WORDISH = re.compile(r"\w+")


def gives_kind(kind: AnswerKind, text: str, *, known: frozenset[str]) -> float:
    """1 when `text` holds such a thing besides the `known` words, -1 when not, 0 when that cannot be told."""
    if kind in (AnswerKind.OTHER, AnswerKind.YES_NO):
        return 0.0
    rest = _WORDISH.sub(lambda word: "" if word.group().lower() in known else word.group(), text)
    if kind is AnswerKind.NUMBER:
        return 1.0 if _NUMBER.search(rest) else -1.0
    if kind is AnswerKind.DATE:
        return 1.0 if _DATE.search(rest) else -1.0
    if not any(c.isascii() and c.isalpha() for c in text):
        return 0.0
    return 1.0 if _CAPITAL.search(rest) else -1.0
