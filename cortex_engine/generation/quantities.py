"""Numbers of a text with what they count: what a statement says must be what its passage says.

A number has several readings where its signs allow them ("1.306" is 1306 in German and 1.306 in English); one in common is
enough. Words are read as far as they are no other word too (English, German, French, Spanish, up to ninety-nine).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_DIGITS = re.compile(
    r"(?P<sign>(?<![\w.,)\]])[-−]|\b(?:minus|moins|menos)\s+)?(?P<number>\d+(?:[.,'’]\d+)*)", re.IGNORECASE
)
_SPACED = re.compile(r"(?<![\d.,])\d{1,3}(?:[ \u00a0\u202f]\d{3})+(?![\d])")
_GROUPED = re.compile(r"\d{1,3}(?:([.,'’])\d{3})(?:\1\d{3})*")
_MIXED = re.compile(r"(\d{1,3}(?:([.,'’])\d{3})+)([.,])(\d+)")
_DECIMAL = re.compile(r"(\d+)[.,](\d+)")
_WORD = re.compile(r"[^\W\d_]+")
_FOLLOWING = re.compile(r"[\s\u00a0-]*(?:([%°€$£¥])\s*([CF])?|([^\W\d_]+)\.?(?:[\s-]+([^\W\d_]+))?)")
_IDEOGRAPHS = re.compile("[〇零一二三四五六七八九十百千万萬亿億两兩]+")
_BEFORE = re.compile(r"([€$£¥])\s*$")

_NUMBER_WORDS = {
    0: "null zero zéro cero",
    2: "two zwei deux dos twice zweimal",
    3: "three drei trois tres third dritte dritten drittes dritter troisième tercer tercero tercera",
    4: "four vier quatre cuatro fourth vierte vierten viertes vierter quatrième cuarto cuarta",
    5: "five fünf cinq cinco fifth fünfte fünften fünftes fünfter cinquième quinto quinta",
    6: "six sechs seis sixth sechste sechsten sechstes sechster sixième sexto sexta",
    7: "seven sieben siete seventh siebte siebten siebtes siebter septième séptimo séptima",
    8: "eight huit ocho eighth achte achten achtes achter huitième octavo octava",
    9: "nine neun neuf nueve ninth neunte neunten neuntes neunter neuvième noveno novena",
    10: "ten zehn dix diez tenth zehnte zehnten zehntes zehnter dixième décimo décima",
    11: "eleven elf onze eleventh elfte elften",
    12: "twelve zwölf douze doce twelfth zwölfte zwölften",
    13: "thirteen dreizehn treize trece thirteenth",
    14: "fourteen vierzehn quatorze catorce fourteenth",
    15: "fifteen fünfzehn quinze fifteenth",
    16: "sixteen sechzehn dieciséis sixteenth",
    17: "seventeen siebzehn diecisiete seventeenth",
    18: "eighteen achtzehn dieciocho eighteenth",
    19: "nineteen neunzehn diecinueve nineteenth",
    20: "twenty zwanzig vingt veinte twentieth",
    30: "thirty dreißig dreissig trente treinta thirtieth",
    40: "forty vierzig quarante cuarenta fortieth",
    50: "fifty fünfzig cinquante cincuenta fiftieth",
    60: "sixty sechzig soixante sesenta sixtieth",
    70: "seventy siebzig setenta septante",
    80: "eighty achtzig ochenta",
    90: "ninety neunzig noventa nonante",
}
_VALUES = {word: value for value, words in _NUMBER_WORDS.items() for word in words.split()}
_TENS = 20
_MAGNITUDES = {
    **dict.fromkeys(("hundred", "hundert"), (2,)),
    **dict.fromkeys(("thousand", "tausend", "mille", "mil"), (3,)),
    **dict.fromkeys(("million", "millions", "millionen", "mio", "millones", "millón"), (6,)),
    **dict.fromkeys(("milliard", "milliards", "milliarde", "milliarden", "mrd", "bn"), (9,)),
    **dict.fromkeys(("billion", "billions"), (9, 12)),
    **dict.fromkeys(("billionen", "billones", "trillion", "trillions"), (12, 18)),
}
"""Word -> powers of ten; where languages differ, all of them."""
_UNITS = (
    "% percent prozent pourcent",
    "km kilometre kilometres kilometer kilometers kilometern kilomètre kilomètres kilómetro kilómetros",
    "m metre metres meter meters metern mètre mètres metro metros",
    "cm centimetre centimetres centimeter centimeters zentimeter",
    "mm millimetre millimetres millimeter millimeters",
    "mile miles meile meilen milla millas",
    "ft foot feet fuß",
    "inch inches zoll",
    "kg kilo kilos kilogram kilograms kilogramm kilogramme kilogrammes kilogramo kilogramos",
    "g gram grams gramm gramme grammes gramo gramos",
    "t ton tons tonne tonnes tonnen tonelada toneladas",
    "l litre litres liter liters litern litro litros",
    "minute minutes min minuten minuto minutos",
    "hour hours h stunde stunden heure heures hora horas",
    "day days tag tage tagen jour jours día días",
    "week weeks woche wochen semaine semaines semana semanas",
    "month months monat monate monaten mois mes meses",
    "year years jahr jahre jahren ans année années año años",
    "€ euro euros eur",
    "$ dollar dollars usd",
    "£ gbp sterling",
    "¥ yen jpy",
    "celsius",
    "fahrenheit",
)
_UNIT = {word: words.split()[0] for words in _UNITS for word in words.split()}
_SHORTEST = 3
"""Letters of a word that is held to be what a number counts."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number as it stands in a text.

    Attributes:
        written: its own signs or word.
        readings: each a set of values, of which all are meant: "38 900" is 38900, or 38 and 900.
        unit: of measure, in one spelling, "" for none that is known.
        counted: folded word behind it, "" for none.
    """

    written: str
    readings: tuple[frozenset[str], ...]
    unit: str = ""
    counted: str = ""


def quantities(text: str) -> list[Quantity]:
    """The numbers of a text, in digits and words."""
    plain = unicodedata.normalize("NFKC", text.replace("½", " 1/2"))
    spaced = dict(_spaced(plain))
    inside = {place for start, each in spaced.items() for place in range(start, start + len(each.written))}
    digits = [(place, each) for place, each in _in_digits(plain) if place not in inside]
    found = [*spaced.items(), *digits, *_in_words(plain), *_in_ideographs(plain)]
    return [each for _, each in sorted(found, key=lambda pair: pair[0])]


def missing(statement: str, passage: str) -> str:
    """The first number of a statement that the passage does not hold, as written, "" where it holds all."""
    held = {value for each in quantities(passage) for reading in each.readings for value in reading}
    return next(
        (each.written for each in quantities(statement) if not any(reading <= held for reading in each.readings)), ""
    )


def changed(statement: str, passage: str) -> str:
    """The first number of a statement that counts something else in the passage, as written, "" for none.

    That is one with another unit ("5 miles", where the passage has "5 km"), and one that stands before a word that the passage
    has behind other numbers only ("12 steps", where the passage has "168 steps and 12 windows").
    """
    there = quantities(passage)
    for each in quantities(statement):
        same = [other for other in there if any(a <= b or b <= a for a in each.readings for b in other.readings)]
        units = {other.unit for other in same}
        if each.unit and units and "" not in units and each.unit not in units:
            return each.written
        counting = [other for other in there if each.counted and other.counted == each.counted]
        if counting and same and not any(other in counting for other in same):
            return each.written
    return ""


def _spaced(text: str) -> Iterator[tuple[int, Quantity]]:
    for found in _SPACED.finditer(text):
        parts = re.split(r"\D", found.group())
        unit, counted, powers, _ = _behind(text, found.end())
        readings = (frozenset(_scaled("".join(parts), powers)), frozenset(_shortened(part) for part in parts))
        yield found.start(), Quantity(found.group(), (*_each(readings[0]), readings[1]), unit, counted)


def _in_digits(text: str) -> Iterator[tuple[int, Quantity]]:
    for found in _DIGITS.finditer(text):
        sign = "-" if found["sign"] else ""
        unit, counted, powers, end = _behind(text, found.end())
        if before := _BEFORE.search(text[max(0, found.start() - 3) : found.start("number")]):
            unit = _UNIT[before[1]]
        readings = tuple(
            reading
            for values in _readings(found["number"])
            for reading in (
                _each(frozenset(_scaled(next(iter(values)), powers, sign))) if len(values) == 1 else (values,)
            )
        )
        yield found.start(), Quantity(f"{sign}{text[found.start('number') : end]}", readings, unit, counted)


def _in_words(text: str) -> Iterator[tuple[int, Quantity]]:
    words = [(found.group().casefold(), found) for found in _WORD.finditer(text)]
    place = 0
    while place < len(words):
        word, found = words[place]
        place += 1
        value, end = _VALUES.get(word, _compound(word)), found.end()
        if value is None:
            continue
        if value >= _TENS and place < len(words):
            after, other = words[place]
            beside = text[end : other.start()] in {"-", " "}
            if beside and 0 < _VALUES.get(after, 0) < 10:  # thirty-two
                value, end = value + _VALUES[after], other.end()
                place += 1
        unit, counted, powers, end = _behind(text, end)
        readings = _each(frozenset(_scaled(str(value), powers)))
        yield found.start(), Quantity(text[found.start() : end], readings, unit, counted)


def _compound(word: str) -> int | None:
    """ "einundzwanzig" -> 21."""
    unit, joined, tens = word.partition("und")
    value = _VALUES.get(unit, 1 if unit == "ein" else 0)
    if not joined or not 0 < value < 10 or _VALUES.get(tens, 0) < _TENS:
        return None
    return value + _VALUES[tens]


def _in_ideographs(text: str) -> Iterator[tuple[int, Quantity]]:
    """As they are written: 三十 is no other number than 三十."""
    for found in _IDEOGRAPHS.finditer(text):
        if found.group() not in {"一", "万", "千"}:  # parts of other words
            yield found.start(), Quantity(found.group(), _each(frozenset({found.group()})))


def _each(values: frozenset[str]) -> tuple[frozenset[str], ...]:
    return tuple(frozenset({value}) for value in sorted(values))


def _readings(number: str) -> list[frozenset[str]]:
    mixed = _MIXED.fullmatch(number)
    if mixed and mixed[2] != mixed[3]:
        return [frozenset({_shortened(f"{re.sub(r'[^0-9]', '', mixed[1])}.{mixed[4]}")})]
    found = []
    if _GROUPED.fullmatch(number):
        found.append(frozenset({_shortened(re.sub(r"\D", "", number))}))
    if decimal := _DECIMAL.fullmatch(number):
        found.append(frozenset({_shortened(f"{decimal[1]}.{decimal[2]}")}))
    return found or [frozenset(_shortened(part) for part in re.split(r"\D", number))]


def _shortened(number: str) -> str:
    """Without zeros that say nothing."""
    whole, _, rest = number.partition(".")
    whole, rest = whole.lstrip("0") or "0", rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def _scaled(number: str, powers: tuple[int, ...], sign: str = "") -> list[str]:
    """The number times each of the powers of ten."""
    whole, _, rest = number.partition(".")
    scaled = []
    for power in powers:
        digits = f"{whole}{rest.ljust(power, '0')}"
        point = len(whole) + power
        scaled.append(sign + _shortened(f"{digits[:point]}.{digits[point:]}"))
    return scaled


def _behind(text: str, place: int) -> tuple[str, str, tuple[int, ...], int]:
    """Unit, counted word, powers of ten that stand behind a number, and where the number ends with them."""
    powers: tuple[int, ...] = (0,)
    while (found := _FOLLOWING.match(text, place)) is not None:
        if found[1]:
            degrees = {"C": "celsius", "F": "fahrenheit"}.get(found[2] or "", "")
            return (degrees if found[1] == "°" else _UNIT[found[1]]), "", powers, place
        word, after = found[3].casefold(), (found[4] or "").casefold()
        if word in _MAGNITUDES and powers == (0,):
            powers, place = _MAGNITUDES[word], found.end(3)
            continue
        if (word, after) in {("per", "cent"), ("pour", "cent"), ("por", "ciento")}:
            return "%", "", powers, place
        if word in {"degrees", "degree", "grad", "degrés", "grados"}:
            return _UNIT.get(after, "") if after in {"celsius", "fahrenheit"} else "", "", powers, place
        unit = _UNIT.get(word, "")
        counted = "" if unit or word in _VALUES or len(word) < _SHORTEST else word.removesuffix("s")
        return unit, counted, powers, place
    return "", "", powers, place
