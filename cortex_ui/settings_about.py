"""Which version this is, where things lie, and under which licences it comes."""

from __future__ import annotations

import platform
from importlib import metadata

import streamlit as st

from cortex_engine.config import SECRETS, LoadedConfig, secret
from cortex_engine.core.installed import version_of
from cortex_ui import safe

_LONG = 60
_OURS = (
    ("Cortex Suite", "MIT"),
    ("all-MiniLM-L6-v2, the packaged embedding model", "Apache-2.0"),
    ("Inter, the typeface", "OFL-1.1"),
)


def draw(loaded: LoadedConfig) -> None:
    """The section."""
    file = f"{loaded.file}{'' if loaded.file.is_file() else ' (there is none yet; the first change makes it)'}"
    _table(
        (
            ("Version", version_of("cortex-suite") or "unknown"),
            ("Library", str(loaded.config.data_dir)),
            ("Configuration file", file),
            ("Python", platform.python_version()),
            ("Appearance", "Light, dark or as the system has it: in the menu at the top right, under Settings"),
            ("Secrets", "None are kept in the settings. Of API keys only a hash is kept"),
            *((name, "set in the environment" if secret(name) else "not set") for name in SECRETS),
        )
    )
    st.subheader("Licences")
    _table(_OURS)
    with st.expander("Software that it is built on", on_change="rerun", key="about_licences") as expander:
        if expander.open:
            _table(_requirements())


def _table(rows: tuple[tuple[str, str], ...]) -> None:
    cells = "".join(f"<tr><th>{safe.escape(name)}</th><td>{safe.escape(value)}</td></tr>" for name, value in rows)
    safe.show(f'<table class="cx-facts cx-about"><tbody>{cells}</tbody></table>')


def _requirements() -> tuple[tuple[str, str], ...]:
    """What the package asks for, with version and licence as installed."""
    found = []
    for line in metadata.requires("cortex-suite") or []:
        name = line.split(";")[0].split("[")[0].split("=")[0].split("<")[0].split(">")[0].split("~")[0].strip(" !(")
        try:
            about = metadata.distribution(name).metadata
        except metadata.PackageNotFoundError:
            continue
        found.append((f"{about['Name']} {about['Version']}", _licence(about)))
    return tuple(sorted(found, key=lambda row: row[0].casefold()))


def _licence(about: metadata.PackageMetadata) -> str:
    """The short name: the expression, else the classifier, else the first line of the field."""
    if "License-Expression" in about:
        return about["License-Expression"]
    for classifier in about.get_all("Classifier") or []:
        if classifier.startswith("License :: OSI Approved :: "):
            return str(classifier).rpartition(" :: ")[2]
    first = about["License"].strip().split("\n")[0] if "License" in about else ""
    return first if 0 < len(first) <= _LONG else "see the package"
