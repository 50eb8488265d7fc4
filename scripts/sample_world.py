"""The texts of the sample documents: Merrow Island, which does not exist. Written for this project (MIT)."""

REPORT_TITLE = "Gannet Head Observatory: Annual Report 2025"
REPORT = [
    (
        "1 Summary",
        [
            "The observatory on Merrow Island recorded 214 clear nights in 2025, the highest number since the dome was "
            "rebuilt in 2009. The staff of five measured 1,306 variable stars, found one new comet and received 2,480 visitors.",
            "The largest change of the year was the darkness agreement with the village of Stonequay. Since February all "
            "street lamps are switched off at ten in the evening, and the sky over the harbour has become darker by 0.6 "
            "magnitudes per square arcsecond.",
        ],
    ),
    (
        "2 The comet",
        [
            "On the night of 9 October, Marta Quill saw a faint diffuse object in Lynx on two exposures taken forty minutes "
            "apart. The discovery was confirmed by two other stations on the following evening. Comet Quill has a period of "
            "about 71 years and will come closest to the Sun in April 2026, when it may be visible with binoculars.",
            "The comet was found by chance. The telescope was pointing at the variable star RX Lyncis, because the planned "
            "target stood behind a cloud.",
        ],
    ),
    (
        "3 Instruments",
        [
            "The main telescope is a reflector with a mirror of 1.2 metres. The mirror was washed in June with distilled "
            "water and soap made of olive oil, and its reflectivity rose from 84 to 89 percent.",
            "The old photographic camera was given to the lighthouse museum. The new camera is cooled to minus 95 degrees "
            "and reads out an exposure in 2.3 seconds. Its shutter failed twice, both times because of salt in the hinge.",
        ],
    ),
    (
        "4 Weather",
        [
            "Clouds and storms closed the dome on 97 nights. On 54 nights only a part of the night could be used. The storm of "
            "17 November tore off the western shutter of the dome, and repairs took nine days.",
        ],
    ),
    (
        "5 Visitors and school",
        [
            "Every Friday evening the small refractor is open to visitors. In August a group of pupils measured the height of "
            "lunar mountains by the length of their shadows and came within 300 metres of the accepted values.",
            "The planetarium in the former boathouse seats 34 people. It will be closed from January to March 2026, because "
            "the floor is to be made dry.",
        ],
    ),
    (
        "6 Plans",
        [
            "In 2026 the observatory wants to follow Comet Quill through its closest approach, to replace the batteries of "
            "the dome, and to publish a catalogue of all 1,306 variable stars.",
        ],
    ),
]
REPORT_TABLE = [
    ["Source or purpose", "Income", "Expense"],
    ["Grant of the island council", "182,000", ""],
    ["Entrance fees", "19,840", ""],
    ["Sale of calendars", "6,150", ""],
    ["Salaries", "", "141,300"],
    ["Electricity and diesel", "", "17,420"],
    ["New camera", "", "38,900"],
    ["Repair of the dome", "", "9,275"],
]
REPORT_AFTER_TABLE = "All amounts are in crowns. The year closed with a surplus of 1,095 crowns."

CATALOGUE_TITLE = "Saltwind Tea: Catalogue for Spring"
CATALOGUE = [
    (
        "Our tea",
        [
            "Saltwind Tea is a cooperative of eleven families on the southern slope of Merrow Island. We grow tea where "
            "others said that nothing but heather would stand the wind. Two rows of elder shelter the gardens from the salt.",
        ],
    ),
    (
        "Harbour Smoke",
        [
            "A black tea, smoked for six hours over oak shavings from old boats. It tastes of tar, plums and a little of "
            "rope. Drink it with milk after a day in the rain. It keeps for three years.",
        ],
    ),
    (
        "First Light",
        [
            "A steamed green tea of the first harvest in April: one bud and two leaves, nothing else. It smells of cut grass "
            "and sea lettuce. Use water that has stopped boiling for some minutes, or it turns bitter.",
        ],
    ),
    (
        "Gannet White",
        [
            "A white tea, withered for thirty-six hours on bamboo trays and never rolled. Pale, mild, with a note of pear. It "
            "has the least caffeine of all our teas, and is the one for late evenings.",
        ],
    ),
    (
        "Ordering",
        [
            "We send parcels on Tuesdays with the noon ferry. Orders of more than 60 crowns travel free of charge. Tea that "
            "arrives damp is replaced; write to us within fourteen days and keep the bag.",
        ],
    ),
]
CATALOGUE_TABLE = [
    ["Tea", "Price for 100 g", "Water", "Time"],
    ["Harbour Smoke", "14.50 crowns", "95 °C", "4 minutes"],
    ["First Light", "19.00 crowns", "75 °C", "2 minutes"],
    ["Gannet White", "27.00 crowns", "80 °C", "5 minutes"],
    ["Keeper's Breakfast", "11.00 crowns", "100 °C", "3 minutes"],
    ["Elderflower and mint", "8.50 crowns", "100 °C", "6 minutes"],
]

TIDES = [
    ["Month", "Highest tide (m)", "Lowest tide (m)", "Days above 3.5 m"],
    ["January", 3.9, 0.4, 6],
    ["February", 3.8, 0.5, 4],
    ["March", 4.1, 0.3, 7],
    ["April", 3.7, 0.5, 3],
    ["May", 3.4, 0.6, 0],
    ["June", 3.3, 0.6, 0],
    ["July", 3.4, 0.6, 0],
    ["August", 3.6, 0.5, 2],
    ["September", 4.0, 0.3, 5],
    ["October", 4.2, 0.2, 8],
    ["November", 4.6, 0.3, 9],
    ["December", 3.9, 0.4, 5],
]
RAIN = [
    ["Station", "Rain in 2025 (mm)", "Wettest month", "Keeper of the gauge"],
    ["Stonequay harbour", 912, "November", "Postmaster Odell"],
    ["Sorrel Hill", 1184, "October", "Ines Tolland"],
    ["Gannet Head", 867, "November", "the second keeper"],
    ["Tea gardens, south slope", 1043, "October", "Saltwind Tea"],
]

SLIDES = [
    ("A walk around Merrow Island", ["Four hours, 11.4 kilometres", "Begin at the quay, go with the sun"]),
    (
        "Stonequay",
        [
            "The village has 340 people and one bakery",
            "The bakery sells kelp bread from six in the morning",
            "The blue hut keeps lost property",
        ],
    ),
    (
        "Seal Cove",
        [
            "Grey seals rest here in June with their young",
            "Keep one hundred metres away and leave the dog at home",
            "The path is closed after heavy rain, because the slope slides",
        ],
    ),
    (
        "Gannet Head",
        [
            "Lighthouse of 1887 with 168 steps",
            "The observatory opens its small telescope every Friday evening",
            "Bring a torch with red light",
        ],
    ),
    (
        "The tea gardens",
        [
            "Tasting daily at eleven in the smoking house",
            "Thirty ducks eat the leafhoppers, so no pesticide is used",
        ],
    ),
]
SLIDE_NOTES = "Tell the story of the ferry that waited for a swarm of bees."

MAIL_SUBJECT = "Storm warning for Monday, and what was damaged last time"
MAIL_BODY = """\
Dear neighbours,

the harbour office expects a southerly gale of force 9 on Monday evening, 17 November, with the high tide at 21:40. The
water may stand 60 centimetres above the quay. Please do the following before four in the afternoon:

- Pull small boats up to the second row of rings.
- Carry everything out of the cellars in Quay Street.
- Take in the drying trays of the tea gardens.

The ferry will not sail after the crossing at 12:15. The school is closed on Tuesday. Whoever needs a bed away from the
water finds one in the boathouse of the observatory; Marta Quill has the key.

The attached list shows what the gale of last January damaged, so that nobody forgets the skylight of the post office.

Stay dry,
Jonas Odell, harbour office
"""
MAIL_LIST = """\
place,damage,cost in crowns,repaired
Post office,skylight broken,480,yes
Quay Street 4,cellar flooded,2100,yes
Ferry ramp,two planks lost,350,yes
Tea gardens,elder hedge torn down over 20 metres,900,no
Lighthouse yard,wall fallen,1600,no
"""

LETTER = """\
Stonequay, 3 May 1931

To the Board of Northern Lights

Gentlemen,

I have the honour to report that the new
paraffin burner was lit on the first of May
and has given a steady flame for two nights.

The consumption is eleven pints a night,
which is three pints less than before. The
glass of the third panel shows a crack of
four inches. I ask for a new panel before
the autumn gales.

My assistant Thomas Reed has left the
service to marry on the mainland. Until
another is sent, my daughter Agnes keeps
the second watch, and keeps it well.

Your obedient servant,
Edwin Marsh, Principal Keeper
"""

POSTER = [
    (64, "ISLAND TEA FESTIVAL"),
    (40, "Merrow Island, 20 and 21 June"),
    (30, "Tasting of twelve teas in the smoking house"),
    (30, "Duck race along the tea rows at 15:00"),
    (30, "Lantern walk to the lighthouse at 22:00"),
    (30, "Music: The Bilge Pumps, Sister Agnes Band"),
    (34, "Admission 12 crowns, children free"),
    (26, "Extra ferry back to Port Ellis at midnight"),
]
