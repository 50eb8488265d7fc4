"""Words that look like names and are none: labels of forms, parts of documents, months, beginnings of sentences."""

from __future__ import annotations

import re

from cortex_engine.graph.patterns import MONTHS

_LABELS = """
abstract account accounts act address addendum age agenda agreement amendment amount annex answer answers appendix approved april
article articles attachment attachments author authors balance bank_account bcc birth box button cc cell chapter chart city class
clause client code column columns comment comments company_name conclusion contact contents copyright country currency customer
data date dates day days dear department_name description details dob document documents draft due e-mail edition email employee
employer end enclosure equation error example examples exhibit experience fax field fig figs figure figures file files footnote form
from fwd gender grade group_name header heading hello hi history home id increase index info information input instructions intro
introduction invoice item items job keywords label lemma level line lines link list location login map max member memo menu message
method methods mid min mobile month months name names nationality no note notes notice number nr occupation office_use option order
output overview page pages paragraph part parts password payment per phase phone photo picture please points position postcode
preface price product_name project_name purpose qty quantity question questions rate re ref reference references regards remark
remarks report_date result results re: review row rule salary sample sec section sections see sender sex shall sheet signature signed
sincerely size slide slides source start state status step street style subject subtotal sum summary supplier table tables tax tel
telephone term terms test text thank thanks theorem title to total totals type unit units update url user username value values
version vol volume warning website week weeks year years yes yours zip proof corollary definition proposition remark algorithm
chief executive officer director manager chairman secretary treasurer vice
abbildung abb abschnitt anhang anlage artikel bild datum gesamt inhalt kapitel nummer seite summe tabelle telefon teil name straße
ort plz land beispiel betrag rechnung euro prozent
""" + " ".join(
    ["nom prénom rue adresse numéro téléphone chapitre tableau annexe année numero fecha nombre página capítulo pagina"]
)
_DAYS = """
monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun
montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag lundi mardi mercredi jeudi vendredi samedi dimanche
lunes martes miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato domenica
""".split()
_EXTRA = """
however moreover furthermore therefore thus hence meanwhile nevertheless nonetheless additionally also although because since while
whereas finally firstly secondly thirdly lastly overall similarly likewise instead otherwise consequently accordingly subsequently
today yesterday tomorrow later earlier recently currently eventually originally initially soon
ok okay faq tbd tba n/a na asap fyi eg ie etc vs lorem ipsum
u.s.c c.f.r usc cfr hmm bankr
i'm i've i'll i'd it's don't
""".split()
LABELS = frozenset(_LABELS.split())
"""Stripped from both ends of names ("Gabriel Diaz Year", "Invoice Acme")."""
NEVER = frozenset([*_DAYS, *_EXTRA, *MONTHS]) - {"mai", "may", "mar", "mei", "jan", "april", "june", "august", "sun"}
"""No names wherever they stand alone."""
DEFINED = frozenset(
    "account accounts agreement agreements amount claim closing code collateral condition conditions contribution contributions date "
    "dates default defaults document documents effect event events expense expenses fee fees form indebtedness interest law laws "
    "liability liabilities lien loan loans note notes notice notices obligation obligations party parties payment payments period "
    "person persons practices property rate rates report reports right rights security statement statements tax taxes term terms "
    "transfer year years".split()
)
"""Last words of what contracts define ("the Loan Documents"): things, not names."""
_PARTS = frozenset(
    "section sections figure figures fig figs table tables chapter chapters appendix page pages paragraph article articles annex "
    "exhibit schedule eq equation theorem lemma no nos vol footnote isbn issn doi abbildung tabelle kapitel abschnitt seite".split()
)
DAYS_AND_MONTHS = frozenset(_DAYS) | frozenset(MONTHS)
_ROMAN = re.compile(r"M{0,3}(?:C[MD]|D?C{0,3})(?:X[CL]|L?X{0,3})(?:I[XV]|V?I{0,3})")
_RUBBISH = re.compile(r"(.)\1{3}|[^\W\d_][\d]+[^\W\d_]+[\d]+[^\W\d_]|[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{7}")
"""What OCR makes of smudges."""


def is_roman(text: str) -> bool:
    """Whether a word is a Roman numeral."""
    return bool(text) and _ROMAN.fullmatch(text) is not None


def is_label(word: str) -> bool:
    """Whether a word labels what stands beside it, or is a day or a month."""
    plain = word.lower().rstrip(".:")
    return plain in LABELS or plain in DAYS_AND_MONTHS


def is_part_of_document(word: str) -> bool:
    """Section, Figure, Monday, May: no part of a name at its ends, in running text either."""
    plain = word.lower().rstrip(".:")
    return plain in _PARTS or plain in DAYS_AND_MONTHS


def is_noise(name: str) -> bool:
    """Whether a whole name can be none: labels, numbers, single letters, numerals, smudges."""
    words = [word.rstrip(".:").lower() for word in name.split()]
    if all(
        word in LABELS or word in NEVER or word in DAYS_AND_MONTHS or not any(map(str.isalpha, word)) for word in words
    ):
        return True
    letters = [character for character in name if character.isalpha()]
    if len(letters) < 2 or is_roman(name) or len(name) > 120:
        return True
    strange = sum(not (character.isalnum() or character in " .,'’&-–+/()") for character in name)
    return strange > 1 or _RUBBISH.search(name.replace("www", "")) is not None
