"""Office Math (ISO/IEC 29500-1, 22.1) as one line of text: fractions as (a)/(b), powers as x^(2), roots as √(x)."""

from __future__ import annotations

from typing import Any

from cortex_engine.parsing.packages import local

M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_NARY = "∫"


def linear_math(element: Any) -> str:
    """Text of an `m:oMath`, `m:oMathPara` or any part of one, in reading order."""
    kind = local(element)
    if kind == "t":
        return element.text or ""
    if kind.endswith("Pr"):
        return ""
    if kind in {"f", "sSup", "sSub", "sSubSup", "sPre", "rad", "d", "nary", "m", "limLow", "limUpp"}:
        return _structure(kind, element)
    separator = "\n" if kind == "oMathPara" else ""
    return separator.join(linear_math(child) for child in element)


def _structure(kind: str, element: Any) -> str:
    part = {name: _part(element, name) for name in ("num", "den", "e", "sub", "sup", "deg", "lim")}
    low, high = _raised("_", part["sub"]), _raised("^", part["sup"])
    if kind == "f":
        return f"{_group(part['num'])}/{_group(part['den'])}"
    if kind == "rad":
        return f"{part['deg']}√({part['e']})"
    if kind == "nary":
        return f"{_property(element, 'naryPr', 'chr', _NARY)}{low}{high} {part['e']}"
    if kind == "d":
        inner = "|".join(linear_math(child) for child in element.findall(f"{M}e"))
        return f"{_property(element, 'dPr', 'begChr', '(')}{inner}{_property(element, 'dPr', 'endChr', ')')}"
    if kind == "m":
        rows = element.findall(f"{M}mr")
        return "; ".join(", ".join(linear_math(cell) for cell in row.findall(f"{M}e")) for row in rows)
    if kind in {"limLow", "limUpp"}:
        return f"{part['e']}{_raised('_' if kind == 'limLow' else '^', part['lim'])}"
    return f"{low}{high}{part['e']}" if kind == "sPre" else f"{part['e']}{low}{high}"


def _part(element: Any, name: str) -> str:
    child = element.find(f"{M}{name}")
    return linear_math(child) if child is not None else ""


def _property(element: Any, properties: str, name: str, otherwise: str) -> str:
    found = element.find(f"{M}{properties}/{M}{name}")
    return otherwise if found is None else found.get(f"{M}val", "")


def _group(text: str) -> str:
    return text if len(text) <= 1 else f"({text})"


def _raised(sign: str, text: str) -> str:
    return f"{sign}{_group(text)}" if text else ""
