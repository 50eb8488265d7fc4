"""Function words: articles, pronouns, prepositions, auxiliaries, question words - how a question is put, not what about.

The weight of a word by its rarity (idf) sees this only in collections that are large enough: among thirty passages "may"
and "my" stand in one letter and are its rarest words. Classes of function words are closed, so lists of them are short
and do not age.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_WORDS: Mapping[str, frozenset[str]] = {
    "en": _set(
        "a about all also am an and any are aren't as at be been being but by can can't cannot could did didn't do does "
        "doesn't doing don't each for from had has have having he her hers him his how i i'd i'll i'm i've if in into is "
        "isn't it it's its itself may me might mine must my myself no nor not of on or our ours shall she should so some "
        "such than that that's the their theirs them then there these they this those to too us very was wasn't we were "
        "weren't what what's when where which who who's whom whose why will with would you your yours"
    ),
    "de": _set(
        "aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist da dabei damit dann das dass "
        "dein deine dem den denn der des dessen dich die dies diese diesem diesen dieser dieses dir doch du durch ein "
        "eine einem einen einer eines er es euch euer eure für hab habe haben hat hatte hatten hattest ich ihm ihn ihnen "
        "ihr ihre ihrem ihren ihrer im in ins ist jede jedem jeden jeder jedes kann kannst kein keine keinen können "
        "könnte man mein meine meinem meinen meiner mich mir mit muss müssen nach nicht noch nun nur ob oder ohne sein "
        "seine seinem seinen seiner sich sie sind so soll sollen sollte über um und uns unser unsere unter vom von vor "
        "wann war waren warum was welche welchem welchen welcher welches wem wen wenn wer werden wessen wie wieso wieviel "
        "wir wird wo wohin worden wurde wurden zu zum zur"
    ),
    "fr": _set(
        "à ai au aux avec ce ces cet cette comment dans de des du elle elles en es est et être eu il ils je la le "
        "les leur leurs lui ma mais me mes moi mon ne nos notre nous on ont ou où par pas peut pour pourquoi quand "
        "que quel quelle quelles quels qui quoi sa sans se ses si son sont sur ta te tes toi ton tu un une vos votre vous "
        "y"
    ),
    "es": _set(
        "a al como cómo con cual cuál cuáles cuando cuándo de del donde dónde el él ella ellas ellos en era es esa ese eso "
        "esta está estas este esto estos fue ha han hay la las le les lo los me mi mis muy no nos o para pero por porque "
        "que qué quien quién se ser si sin sobre son su sus te tu tus un una unos y ya yo"
    ),
    "it": _set(
        "a ad ai al alla alle anche che chi ci come con cosa da dai dal dalla dei del della delle di dove e è ed era gli "
        "ha hanno i il in io la le lei lo loro lui ma mi mio nei nel nella noi non o per perché più può quale quali "
        "quando quanto che se si sono su sua suo sul sulla ti tu tuo un una uno vi voi"
    ),
    "nl": _set(
        "aan al als bij dan dat de deze die dit door een en er heb hebben heeft het hij hoe ik in is je kan kunnen maar "
        "me met mijn moet na naar niet nog of om onze ook op te tot u uit van veel voor waar waarom wanneer was wat we "
        "welk welke wie wij worden wordt zal ze zich zij zijn zonder"
    ),
}
_WORD = re.compile(r"\S+")
_EDGE = "¿¡?!.,;:()[]…"
_FEWEST = 2
"""Function words of one language that show the query to be put in it: "die casting" is not German."""


def without_function_words(text: str) -> str:
    """The words of a query that say what it is about; the query as it is when it has no others, or no known language.

    The language is the one with the most function words in the query, and at least two.
    """
    words = _WORD.findall(text)
    plain = [word.strip(_EDGE).replace("’", "'").lower() for word in words]
    known = max(_WORDS.values(), key=lambda listed: sum(word in listed for word in plain))
    if sum(word in known for word in plain) < _FEWEST:
        return text
    kept = [word for word, bare in zip(words, plain, strict=True) if bare not in known]
    return " ".join(kept) if any(character.isalnum() for word in kept for character in word) else text


def likely_language(text: str) -> str:
    """The language whose function words the text has most of, among those that have a list here; "" without two of them."""
    words = [word.strip(_EDGE).replace("’", "'").lower() for word in _WORD.findall(text)]
    counts = {language: sum(word in listed for word in words) for language, listed in _WORDS.items()}
    best = max(counts, key=lambda language: counts[language])
    return best if counts[best] >= _FEWEST else ""


def function_words(*languages: str) -> frozenset[str]:
    """The function words of these languages, in lower case; languages without a list have none."""
    return frozenset().union(*(_WORDS.get(language, frozenset()) for language in languages))
