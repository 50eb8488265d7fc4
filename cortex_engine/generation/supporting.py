"""From which cosine on a passage bears out a statement, told for each embedding model by pairs that are known.

The pairs were written for this project: a sentence as a document has it, and the same said in other words. Every other
sentence is unrelated to the statement. docs/explanation/answers-with-proof.md tells how far that holds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cortex_engine.core.protocols import Embedder
from cortex_engine.generation.extractive import unit

PAIRS: tuple[tuple[str, str], ...] = (
    ("The bridge was opened to traffic in 1932 after eight years of construction.",
     "It took eight years to build the bridge, which opened in 1932."),
    ("Employees must submit travel expenses within thirty days of the journey.",
     "Travel costs have to be handed in by staff no later than thirty days after a trip."),
    ("The enzyme loses its activity above sixty degrees Celsius.",
     "Above 60 °C the enzyme stops working."),
    ("The committee rejected the proposal by a narrow majority.",
     "A slim majority of the committee voted the proposal down."),
    ("Rainfall in the northern district was twice the long-term average in March.",
     "In March the north of the region had double its usual rain."),
    ("The printer has to be connected to the network before the driver is installed.",
     "Connect the printer to the network first, and install the driver afterwards."),
    ("Her first novel sold only three hundred copies.",
     "Just 300 copies of her debut novel were bought."),
    ("The tenant is liable for damage caused by improper ventilation.",
     "Damage that comes from bad airing must be paid for by the tenant."),
    ("Copper conducts electricity better than aluminium but is heavier.",
     "Aluminium is lighter than copper, although copper is the better conductor."),
    ("The museum is closed on Mondays and on public holidays.",
     "You cannot visit the museum on a Monday or a public holiday."),
    ("The patient was discharged on the fourth day after the operation.",
     "Four days after surgery the patient could leave the hospital."),
    ("Sales in the second quarter fell by seven percent because of supply problems.",
     "Supply difficulties made second-quarter revenue drop by 7 %."),
    ("The treaty obliges both countries to share the water of the river equally.",
     "Under the agreement the two states each get half of the river's water."),
    ("Young kittiwakes leave the nest after about six weeks.",
     "At roughly six weeks of age kittiwake chicks fledge."),
    ("The algorithm sorts the list in place and needs no additional memory.",
     "No extra memory is required, since the list is sorted in place."),
    ("Every delivery has to be checked for completeness on arrival.",
     "When goods come in, somebody must make sure that nothing is missing."),
    ("The castle was destroyed by fire in the seventeenth century and never rebuilt.",
     "A fire ruined the castle in the 1600s, and it was not built again."),
    ("Vaccination reduces the risk of severe illness by about ninety percent.",
     "Vaccinated people are about 90 % less likely to become seriously ill."),
    ("The engine must not be started without oil.",
     "Do not run the engine when there is no oil in it."),
    ("The city council decided to lower the speed limit in the centre to thirty.",
     "In the town centre the council reduced the permitted speed to 30."),
    ("The manuscript was discovered in a monastery library in 1844.",
     "In 1844 somebody found the manuscript among the books of a monastery."),
    ("Members may cancel the contract at the end of each calendar year.",
     "The membership contract can be ended on 31 December of any year."),
    ("The telescope's mirror is cleaned twice a year with distilled water.",
     "Two times a year the mirror of the telescope is washed with distilled water."),
    ("Bread dough should rest for at least one hour in a warm place.",
     "Let the dough rise somewhere warm for an hour or longer."),
    ("The company employs about four thousand people at six sites.",
     "Around 4,000 people work for the firm, spread over six locations."),
    ("The ferry does not sail when the wind is stronger than force eight.",
     "In winds above force 8 there is no ferry."),
    ("The study found no connection between coffee consumption and blood pressure.",
     "According to the study, drinking coffee is not linked to blood pressure."),
    ("The warranty covers manufacturing defects for two years from the date of purchase.",
     "Production faults are covered for two years after the product was bought."),
    ("Glaciers in the region have lost a third of their volume since 1980.",
     "Since 1980 the area's glaciers have shrunk by one third."),
    ("Passwords have to be changed every ninety days.",
     "A new password is required every 90 days."),
    ("The orchestra was founded by amateur musicians in 1891.",
     "In 1891 a group of amateurs started the orchestra."),
    ("Applications received after the deadline will not be considered.",
     "Late applications are not taken into account."),
)  # fmt: skip
_RIGHT_SHARE = 0.95
"""Share of right statements that are to pass."""
_UNRELATED_SHARE = 0.995
"""Share of unrelated pairs that are not to pass."""


@dataclass(frozen=True, slots=True)
class Support:
    """What the pairs say of a model.

    Attributes:
        bound: cosine from which on a passage bears out a statement.
        right: cosines of the right pairs, ascending.
        unrelated: those of all others, ascending.
    """

    bound: float
    right: tuple[float, ...]
    unrelated: tuple[float, ...]


def measure(embedder: Embedder) -> Support:
    """Embed the pairs: the bound lets 95 % of the right ones pass, and no more than one in 200 unrelated ones.

    Raises:
        ModelUnavailableError: the embedder cannot be used.
    """
    passages = unit(embedder.embed_documents([passage for passage, _ in PAIRS]))
    statements = unit(embedder.embed_documents([statement for _, statement in PAIRS]))
    cosines = statements @ passages.T
    right = np.sort(np.diag(cosines))
    unrelated = np.sort(cosines[~np.eye(len(PAIRS), dtype=bool)])
    bound = max(np.quantile(right, 1 - _RIGHT_SHARE), np.quantile(unrelated, _UNRELATED_SHARE))
    return Support(float(bound), tuple(map(float, right)), tuple(map(float, unrelated)))
