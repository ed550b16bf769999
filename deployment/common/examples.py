"""Invented papers to try, each from another field."""

EXAMPLES = {
    "Street scenes": (
        "Looking twice: cheap second glances for crowded streets",
        "Detectors on a car's camera miss people who are half hidden behind others. We let a small network point at "
        "regions where a first, fast detector is unsure, and look at these again at a higher resolution. On two sets "
        "of city recordings this finds 9 % more pedestrians at 30 frames a second, most of them far away or in groups.",
    ),
    "A language few speak": (
        "Learning to translate from a dictionary and a radio station",
        "Parallel text is scarce for most of the world's languages. We start from a bilingual dictionary of 8,000 "
        "words and 200 hours of radio, transcribe the broadcasts with an acoustic model trained on a related language, "
        "and use back-translation to turn the noisy transcripts into training pairs. BLEU rises from 6.1 to 14.8.",
    ),
    "Who spoke?": (
        "Is it you? Two seconds on the telephone",
        "A bank that knows its customers by voice hears two seconds of them over a bad telephone line. Our network "
        "turns a recording into a speaker embedding that stays the same whatever is said, trained with a margin "
        "against speakers who sound alike. It accepts half as many impostors as x-vectors, at an equal error rate of "
        "1.2 %.",
    ),
    "Molecules": (
        "Which bond breaks first?",
        "Chemists want to know how stable a compound is before they make it. We represent a molecule by its atoms and "
        "bonds, pass messages along the bonds, and predict the energy that each needs to break. Pre-training on ten "
        "million unlabelled molecules halves the error where fewer than a hundred measurements exist, and finds "
        "candidates for new drugs.",
    ),
    "A robot at home": (
        "Tidying up without a map",
        "A robot that puts things away must find its way in a home it has never seen. From rewards in simulated homes "
        "alone, our agent learns a policy that explores, remembers where shelves are, and returns to them with what it "
        "has picked up. The policy works in three real kitchens without further training.",
    ),
}
