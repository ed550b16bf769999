"""Papers to try; invented, each from another field."""

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
        "Overlap is not noise: meetings with many voices",
        "In a lively meeting, two people talk at once for a tenth of the time. We estimate, for each frame, the set of "
        "people who are talking, with an encoder that reads the recording once and a memory of the voices it met, "
        "so that the number of participants need not be known. Errors fall by a quarter on recordings of councils.",
    ),
    "Molecules": (
        "Which bond breaks first?",
        "Chemists want to know how stable a compound is before they make it. We represent a compound by its atoms and "
        "bonds, pass messages along the bonds, and predict the energy that each needs to break. Pre-training on "
        "ten million unlabelled compounds halves the error where fewer than a hundred measurements exist.",
    ),
    "A robot at home": (
        "Tidying up without a map",
        "A robot that puts things away must find its way in a home it has never seen. From rewards in simulated homes "
        "alone, our agent learns a policy that explores, remembers where shelves are, and returns to them with what it "
        "has picked up. The policy works in three real kitchens without further training.",
    ),
}
