"""Names, dates and relations by rules: what a person expects to be found, and what must not be."""

from __future__ import annotations

import pytest

from cortex_engine.core.graph import DocumentGraph, EntityKind, GraphPassage, RelationKind, WaitingGraph
from cortex_engine.graph.extraction import RuleExtractor


def extract(*texts: str, language: str = "en") -> DocumentGraph:
    passages, place = [], 0
    for number, text in enumerate(texts):
        passages.append(GraphPassage(f"c{number}", text, place))
        place += len(text) + 2
    return RuleExtractor().extract(WaitingGraph("d", "a.txt", language, passages))


def names(*texts: str, language: str = "en") -> set[str]:
    return {entity.name for entity in extract(*texts, language=language).entities}


def kind(graph: DocumentGraph, name: str) -> EntityKind:
    return next(entity.kind for entity in graph.entities if entity.name == name)


def aliases(graph: DocumentGraph, name: str) -> tuple[str, ...]:
    return next(entity.aliases for entity in graph.entities if entity.name == name)


def test_a_family_name_alone_means_the_person_who_was_named_in_full() -> None:
    graph = extract("In 1975 Bill Gates founded a firm. Later Gates left it, and Gates's letters were kept.")
    assert {entity.name for entity in graph.entities} == {"1975", "Bill Gates"}
    assert aliases(graph, "Bill Gates") == ("Gates",)
    assert kind(graph, "Bill Gates") is EntityKind.PERSON
    assert [mention.surface for mention in graph.mentions] == ["1975", "Bill Gates", "Gates", "Gates"]


def test_a_family_name_that_two_people_share_stays_alone() -> None:
    found = names("We met Mary Miller and John Miller. It was Miller who spoke, and we heard Miller.")
    assert {"Mary Miller", "John Miller"} <= found
    assert "Miller" not in {alias for entity in extract("x").entities for alias in entity.aliases}


def test_a_word_that_stands_at_beginnings_only_is_no_name() -> None:
    assert names("Honey is sweet. Bees make it. Honey keeps well, and we like honey and bees.") == set()


def test_a_word_that_stands_large_in_the_middle_is_a_name_at_beginnings_too() -> None:
    graph = extract("We flew to Zarnow in spring. Zarnow was cold, and nobody in Zarnow spoke.")
    assert [mention.char_start for mention in graph.mentions] == [11, 29, 60]


def test_legal_forms_tell_organisations_and_are_no_part_of_the_name() -> None:
    graph = extract(
        "It was sold to Evergreen Solar, Inc. in spring. The buyer, Evergreen Solar, paid. Siemens AG did not."
    )
    assert kind(graph, "Evergreen Solar") is EntityKind.ORGANISATION
    assert "Evergreen Solar, Inc." in aliases(graph, "Evergreen Solar")
    assert kind(graph, "Siemens") is EntityKind.ORGANISATION


@pytest.mark.parametrize(
    ("text", "name", "what"),
    [
        ("He studied at the University of Leeds for years.", "University of Leeds", EntityKind.ORGANISATION),
        ("It was told by Dr. Orlowska at noon.", "Orlowska", EntityKind.PERSON),
        ("It was told by Tower Man George F. Hauser at noon.", "George F. Hauser", EntityKind.PERSON),
        ("They moved to Germany in autumn.", "Germany", EntityKind.PLACE),
        ("We read the novel “The Long Winter” aloud.", "The Long Winter", EntityKind.WORK),
        ("他读了《红楼梦》三次。", "红楼梦", EntityKind.WORK),
        ("They used a CPU for it and nothing else.", "CPU", EntityKind.ABBREVIATION),
        ("Write to Anna.Lee@Example.org about it.", "anna.lee@example.org", EntityKind.EMAIL),
        ("It cost $4.5 million in all.", "$4.5 million", EntityKind.AMOUNT),
        ("They spoke of Kawannshort and of nothing else.", "Kawannshort", EntityKind.UNKNOWN),
    ],
)
def test_kinds_are_claimed_where_they_are_known(text: str, name: str, what: EntityKind) -> None:
    assert kind(extract(text, language="zh" if "他" in text else "en"), name) is what


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("7 February 2016", "2016-02-07"),
        ("February 7, 2016", "2016-02-07"),
        ("2016-02-07", "2016-02-07"),
        ("7. Februar 2016", "2016-02-07"),
        ("07.02.2016", "2016-02-07"),
        ("2016年2月7日", "2016-02-07"),
        ("February 2016", "2016-02"),
        ("2016", "2016"),
    ],
)
def test_dates_have_one_form(written: str, iso: str) -> None:
    graph = extract(f"It began in {written} and went on.")
    assert [(entity.date, entity.kind) for entity in graph.entities] == [(iso, EntityKind.DATE)]
    assert graph.mentions[0].surface == written


@pytest.mark.parametrize(
    "text", ["See page 2016 of it.", "Room 1999 is closed.", "On 31 February we rest.", "1,999 of them."]
)
def test_other_numbers_are_no_dates(text: str) -> None:
    assert extract(text).entities == ()


def test_abbreviations_are_called_by_their_long_form_everywhere() -> None:
    graph = extract(
        "The Association for the Advancement of Artificial Intelligence (AAAI) met.", "Nobody left AAAI early."
    )
    assert [entity.name for entity in graph.entities] == ["Association for the Advancement of Artificial Intelligence"]
    assert aliases(graph, graph.entities[0].name) == ("AAAI",)
    assert [mention.chunk_id for mention in graph.mentions] == ["c0", "c0", "c1"]


@pytest.mark.parametrize(
    "text",
    [
        "Section 3 shows it, as Figure 2 and Table IV do.",
        "On Monday, in May and in March, it rains.",
        "TERMS AND CONDITIONS OF THE CONTRACT FOR ALL WORK",
        "Year 2022\nInvoice No 7\nTotal\nDate\nPage 3",
        "Increase | Total Assets | Yes | No | Name",
        "It is in section IV, on page X, by point A or B.",
        "See https://Example.org/Some/Path and Makefile.py or do_Thing() for it.",
        "We saw aaaaaaB and bcdfghjkl there.",
    ],
)
def test_noise_is_kept_out(text: str) -> None:
    assert [entity for entity in extract(text).entities if entity.kind is not EntityKind.DATE] == []


def test_labels_of_forms_are_cut_off() -> None:
    assert "Gabriel Diaz" in names("Employee | Gabriel Diaz Year | 2022")
    assert names("Country US/Increase of it is seen in Poland.") >= {"Poland"}


def test_names_do_not_run_over_cells_and_lines() -> None:
    found = names("Birgit Pfitzmann | Christoph Auer\nMichele Dolfi\nPeter Staar")
    assert {"Birgit Pfitzmann", "Christoph Auer", "Michele Dolfi", "Peter Staar"} <= found


def test_names_run_over_the_end_of_a_wrapped_line() -> None:
    graph = extract("In the year after the great fire the house was sold to Emil\nKowalczyk by the mayor.")
    assert graph.mentions[0].name == "Emil Kowalczyk"
    assert graph.mentions[0].surface == "Emil\nKowalczyk"


def test_german_nouns_are_no_names() -> None:
    text = "Der Hund sah das Haus. Die Katze sah den Baum und das Wasser. Angela Merkel sah die Zeitung in Deutschland."
    assert names(text, language="de") == {"Angela Merkel", "Deutschland"}


def test_entities_of_one_sentence_belong_together_and_to_its_date() -> None:
    graph = extract("In June 1975 Bill Gates met Paul Allen. Nobody saw Steve Jobs.")
    told = {(relation.source, relation.target, relation.kind) for relation in graph.relations}
    assert told == {
        ("Bill Gates", "Paul Allen", RelationKind.TOGETHER),
        ("Bill Gates", "1975-06", RelationKind.DATED),
        ("Paul Allen", "1975-06", RelationKind.DATED),
    }
    assert {(relation.char_start, relation.char_end) for relation in graph.relations} == {(0, 39)}


def test_a_list_of_names_says_little_of_any_pair() -> None:
    people = ", ".join(f"Bela Kov{letter}ics" for letter in "abcdefghijklmnopqrstuvwxyz")
    assert len(extract(f"They met {people} there.").relations) <= 45


def test_what_passages_repeat_is_counted_once_in_the_first_one_that_holds_it() -> None:
    text = "Ada Lovelace met Charles Babbage. Later Ada Lovelace wrote to Mary Somerville."
    first, second = GraphPassage("a", text[:50], 0), GraphPassage("b", text[34:], 34)
    graph = RuleExtractor().extract(WaitingGraph("d", "a", "en", [first, second]))
    assert [(mention.name, mention.chunk_id) for mention in graph.mentions] == [
        ("Ada Lovelace", "a"),
        ("Charles Babbage", "a"),
        ("Ada Lovelace", "b"),
        ("Mary Somerville", "b"),
    ]
    assert [(relation.chunk_id, relation.target) for relation in graph.relations] == [
        ("a", "Charles Babbage"),
        ("b", "Mary Somerville"),
    ]


def test_real_documents_show_the_names_that_people_would_list(data_root) -> None:
    text = (data_root / "documents" / "norwich-city.txt").read_text(encoding="utf-8")[:20_000]
    graph = RuleExtractor().extract(WaitingGraph("d", "n", "en", [GraphPassage("c", text, 0)]))
    found = {entity.name for entity in graph.entities}
    assert {"Iwan Roberts", "Craig Bellamy", "Nigel Worthington", "Norwich City", "Wales"} <= found
    assert not found & {"He", "The", "After", "Retrieved", "Archived", "In", "However"}


def test_numbers_of_a_table_are_no_years_unless_all_are() -> None:
    graph = extract("Zone | 2019 | 2020\nNorth | 1570 | 12553\nSouth | 1985 | 1706.5")
    assert {entity.date for entity in graph.entities} == {"2019", "2020"}


def test_official_names_and_short_legal_forms_meet() -> None:
    graph = extract("Mitsubishi Electric Corporation grew. We know Mitsubishi Electric Corp. well.")
    assert [entity.name for entity in graph.entities] == ["Mitsubishi Electric"]
    assert graph.entities[0].kind is EntityKind.ORGANISATION


@pytest.mark.parametrize("mark", ["(", '"', "A-", "a.", "1,", "“A", "$", "123 "])
@pytest.mark.timeout(60)
def test_endless_rows_of_marks_are_passed_over(mark: str) -> None:
    """spaCy alone takes minutes over such a word."""
    graph = extract(mark * 20_000 + " and then Bill Gates came.")
    assert [entity.name for entity in graph.entities][-1:] == ["Bill Gates"]
