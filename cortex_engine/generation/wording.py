"""What two texts must have in common besides their meaning: words in a row, numbers, names, and whether they deny."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

_TOKEN = re.compile(
    r"(?:(?<![\w])[-−])?\d+(?:[.,'’\u00a0\u202f]\d+)*|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+|[%€$£¥°]"
)
_BRACKETED = re.compile(r"[\[［【(]\s*\^?\d{1,3}(?:\s*[,;–-]\s*\d{1,3})*\s*[\]］】)]")
_HYPHENATED = re.compile(r"(\w)[\u00ad\u2010-]\s*\n\s*(?=[a-zà-ÿ])")
_QUOTED = re.compile(r"[\"“„«»‚‘「『]([^\"“”„«»‚‘「」『』]{8,600})[\"”“«»’」』]")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>\"]+|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.]+", re.IGNORECASE)
_CAPITALISED = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_WORD = re.compile(r"[^\W\d_]+")
_PASSIVE = re.compile(r"\b(?:by|von|vom|par|por)\b", re.IGNORECASE)
_BEFORE_NAME = re.compile(
    r"\b(\w+)\s+(?:(?:the|der|die|das|dem|den|la|le|les|el|los|las)\s+)?(?:[^\W\da-zà-ÿ_]\w*\s+){0,3}$"
)
_PREPOSITION_WORDS = (
    "in at on near from to into of for with under over behind im am an auf bei aus nach von vom zu zum zur mit für à en dans de "
    "du des pour avec chez sur a del para con"
)
_PREPOSITIONS = frozenset(_PREPOSITION_WORDS.split())
_JOINING = re.compile(r"(?:[\s,;&/.]|\b(?:and|or|und|oder|et|ou|y|e|o)\b)*", re.IGNORECASE)

_DENYING = (
    "not no never none nobody nothing neither without cannot hardly rarely seldom scarcely barely false falsely untrue incorrect "
    "incorrectly wrongly nicht kein keine keinen keinem keiner keines nie niemals niemand nichts ohne weder kaum selten falsch "
    "fälschlich fälschlicherweise pas jamais aucun aucune rien sans rarement faux faussement nunca ningún ninguna ninguno nada "
    "tampoco raramente apenas falso falsamente non niente nessuno nessuna senza mica niet geen nooit niemand niets zonder não "
    "nem nunca ninguém nenhum nenhuma sem inte ingen inget aldrig utan ikke ingenting aldri aldrig uten uden nie nigdy "
    "nikt bez není nikdy nem soha değil yok не нет ни никогда никто без немає ніколи ليس ليست لا لم لن غير بدون δεν μην ποτέ"
)
_DENIALS = frozenset(_DENYING.split())
_NOT_DENYING = re.compile(
    r"\b(?:no|not) (?:later|earlier|more|less|fewer|longer|sooner) than\b|\bnot only\b|\b(?:no|without(?: any)?) doubt\b|"
    r"\bnicht nur\b|\bohne zweifel\b|\bnon seulement\b|\bsans (?:aucun )?doute\b|\bno s[oó]lo\b|\bsin duda\b"
)
_DENYING_PHRASES = re.compile(r"\b(?:fail(?:s|ed|ing)? to|unable to|refus(?:es?|ed|ing) to)\b")
_DENYING_SIGNS = re.compile("[不没沒無无非未勿莫]|ない|ません|なかっ|않|없|못|아니")
_CONDITIONS = {
    "en": "if unless except alleged allegedly supposedly reportedly purportedly",
    "de": "wenn falls sofern außer angeblich vermeintlich",
    "fr": "si prétendument",
    "es": "si supuestamente",
}
"""Words by which a passage takes back that something is so."""
_RESTRICTIONS = frozenset(
    ("only", "solely", "nur", "ausschließlich", "seulement", "uniquement", "solo", "sólo", "solamente")
)
_READ_SCRIPTS = ("LATIN", "CJK", "HIRAGANA", "KATAKANA", "HANGUL")
_CONDITION_SIGNS = re.compile("如果|假如|除非|倘若|据称|據稱")
_CALENDAR_WORDS = (
    "january february april june july august september october november december monday tuesday wednesday thursday friday "
    "saturday sunday januar februar märz mai juni juli oktober dezember montag dienstag mittwoch donnerstag freitag samstag "
    "sonnabend sonntag janvier février avril juin juillet août septembre octobre novembre décembre lundi mardi mercredi jeudi "
    "vendredi samedi dimanche enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre lunes "
    "martes miércoles jueves viernes sábado domingo"
)
_YES_NO = frozenset(("yes", "no", "ja", "nein", "oui", "non", "sí", "si", "sì", "是", "否", "不", "对", "對"))
_GENERAL_NOUNS = frozenset({"de", "lb"})
"""Languages that write every noun with a capital letter."""


def tokens(text: str) -> list[str]:
    """Words, numbers and signs in order, without case, citation marks, quotation marks and white space.

    Scripts that are written without spaces give one token for each character.
    """
    joined = _HYPHENATED.sub(r"\1", text)
    plain = unicodedata.normalize("NFKC", _BRACKETED.sub(" ", joined)).casefold()
    return _TOKEN.findall(plain)


def stands_in(wanted: Sequence[str], text: Sequence[str]) -> bool:
    """Whether the tokens follow one another somewhere in the text's; the empty row stands nowhere."""
    if not wanted:
        return False
    first, size = wanted[0], len(wanted)
    return any(
        text[place] == first and list(text[place : place + size]) == list(wanted)
        for place in range(len(text) - size + 1)
    )


def quotations(text: str) -> list[str]:
    """What stands between quotation marks."""
    return [found.strip() for found in _QUOTED.findall(text)]


def addresses(text: str) -> list[str]:
    """Links and mail addresses."""
    return [found.rstrip(".,;:!?)") for found in _ADDRESS.findall(text)]


def names(text: str, language: str, elsewhere: frozenset[str] = frozenset()) -> list[str]:
    """Words of a statement that are names: written with a capital letter where that means something.

    Args:
        elsewhere: folded words that are written so in the middle of a sentence of the material (`inner_names`); by them a
            name is known at the beginning of a sentence too.
    """
    found: list[str] = []
    words = [(match.group(), _opens(text, match.start())) for match in _CAPITALISED.finditer(text)]
    for place, (word, opens) in enumerate(words):
        if not word[0].isupper() or len(word) < 2:
            continue
        acronym = sum(letter.isupper() for letter in word) >= 2
        beside = any(
            0 <= other < len(words) and words[other][0][0].isupper() and not words[other][1]
            for other in (place - 1, place + 1)
        )
        known = folded(word) in elsewhere if opens else language not in _GENERAL_NOUNS or beside
        if acronym or known:
            found.append(word)
    return found


def inner_names(texts: Iterable[str]) -> frozenset[str]:
    """Folded words that are capitalised in the middle of a sentence somewhere, and nowhere written small."""
    large: set[str] = set()
    small: set[str] = set()
    for text in texts:
        for match in _CAPITALISED.finditer(text):
            word = match.group()
            if not word[0].isupper():
                small.add(folded(word))
            elif not _opens(text, match.start()):
                large.add(folded(word))
    return frozenset(large - small)


def _opens(text: str, place: int) -> bool:
    """Whether a sentence (or line, or quotation) begins here."""
    before = text[:place].rstrip(" \t([\"'“„«‚‘")
    return not before or before[-1] in "\n.!?:;…-–•"


def folded(word: str) -> str:
    """Without case and accents, and without an English genitive."""
    plain = unicodedata.normalize("NFKD", word.replace("’", "'")).casefold()
    return "".join(each for each in plain if not unicodedata.combining(each)).removesuffix("'s").removesuffix("'")


def folded_words(text: str) -> frozenset[str]:
    """All words of a text, folded, whole and in the parts between hyphens."""
    words = {folded(word) for word in _CAPITALISED.findall(text)}
    return frozenset(words | {part for word in words for part in re.split("[-']", word)})


def denials(text: str) -> int:
    """How many words of a text deny: two of them may cancel each other."""
    plain = _NOT_DENYING.sub(" ", text.casefold().replace("’", "'"))
    words: list[str] = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", plain)
    others = len(_DENYING_PHRASES.findall(plain)) + len(_DENYING_SIGNS.findall(plain))
    return sum(word in _DENIALS or word.endswith("n't") for word in words) + others


def conditions(text: str, language: str) -> set[str]:
    """Words by which a text says something under a condition, or as what others say."""
    taken = frozenset(_CONDITIONS.get(language or "en", "").split())
    words: list[str] = [*_WORD.findall(text.casefold()), *_CONDITION_SIGNS.findall(text)]
    return {word for word in words if word in taken or _CONDITION_SIGNS.fullmatch(word)}


def restrictions(text: str) -> set[str]:
    """Words that make a sentence hold for less than it seems."""
    return {word for word in _WORD.findall(text.casefold()) if word in _RESTRICTIONS}


def in_a_known_script(text: str) -> bool:
    """Whether most letters are of scripts whose denials are known here."""
    letters = [letter for letter in text if letter.isalpha()]
    known = sum(unicodedata.name(letter, "").startswith(_READ_SCRIPTS) for letter in letters)
    return 2 * known >= len(letters)


def calendar_words(text: str) -> list[str]:
    """Months and days of the week, folded and in the singular."""
    words = (folded(word).removesuffix("s") for word in _WORD.findall(text))
    return [word for word in words if word in _CALENDAR]


def says_yes_or_no(words: Sequence[str]) -> bool:
    """Whether there is nothing else."""
    return bool(words) and all(word in _YES_NO for word in words)


def other_order(statement: str, found: Sequence[str], passage: str) -> tuple[str, str] | None:
    """Two names of a statement that the passage has the other way round, None for none.

    Names that stand more than once, that an "and" or comma joins, or that follow the same preposition in both have no order; nor
    have months, nor a sentence of which only one is in the passive voice.

    Args:
        found: the statement's names (`names`).
    """
    if bool(_PASSIVE.search(statement)) != bool(_PASSIVE.search(passage)):
        return None
    places = {name: _places(name, statement) for name in dict.fromkeys(found) if not calendar_words(name)}
    once = [name for name, place in places.items() if len(place) == 1 and len(_places(name, passage)) == 1]
    for first, second in pairwise(sorted(once, key=lambda name: places[name][0].start())):
        here = statement[places[first][0].end() : places[second][0].start()]
        there, other = _places(first, passage)[0], _places(second, passage)[0]
        if other.start() > there.start() or _JOINING.fullmatch(here):
            continue
        pairs = ((places[first][0], there), (places[second][0], other))
        if any((before := _preposition(mine)) and before == _preposition(its) for mine, its in pairs):
            continue
        if not _JOINING.fullmatch(passage[other.end() : there.start()]):
            return first, second
    return None


def _preposition(name: re.Match[str]) -> str:
    """What stands before a name, its other parts and an article; "" where that is no preposition."""
    found = _BEFORE_NAME.search(name.string[: name.start()])
    word = found[1].casefold() if found else ""
    return word if word in _PREPOSITIONS else ""


def _places(name: str, text: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE))


_CALENDAR = frozenset(folded(word).removesuffix("s") for word in _CALENDAR_WORDS.split())
