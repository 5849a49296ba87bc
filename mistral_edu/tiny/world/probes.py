"""The hand-written exam: what a visitor may type that no training text contains.

WISHES     (prompt, words): a story is requested; each of the words must occur whole in it (capitals do not matter).
           The words are not part of the world's vocabulary: `UNSEEN` lists every one, and tests keep them out of
           training.
REAL_WORLD questions that the village knows nothing about; each must be declined with `village.OUTSIDE`.

The exam was written before the training texts and must never be tuned against: new questions may be added, but the
training texts may not be fitted to them.
"""

WISHES = [
    ("Tell me a story about a dragon.", ["dragon"]),
    ("Tell me a story about my grandmother.", ["grandmother"]),
    ("a story about a unicorn please", ["unicorn"]),
    ("Write a story about an elephant and a skateboard.", ["elephant", "skateboard"]),
    ("tell me a story about a mermaid", ["mermaid"]),
    ("Can you tell me a story about a dinosaur?", ["dinosaur"]),
    ("I would like to hear a story about a vampire.", ["vampire"]),
    ("Tell me a story with a chimpanzee and a trumpet.", ["chimpanzee", "trumpet"]),
    ("Make up a story about a princess called Yolanda.", ["princess", "Yolanda"]),
    ("Tell me a story about Bartholomew.", ["Bartholomew"]),
    ("tell me a story about svetlana and her hamster", ["svetlana", "hamster"]),
    ("Invent a story about a volcano.", ["volcano"]),
    ("A story about a lighthouse, please.", ["lighthouse"]),
    ("Tell me a story about a submarine!", ["submarine"]),
    ("tell me a story about a fire engine", ["fire engine"]),
    ("Write a short story about an acrobat and a flamingo.", ["acrobat", "flamingo"]),
    ("Tell me a tale about a hippopotamus.", ["hippopotamus"]),
    ("Story about my grandfather and his tractor", ["grandfather", "tractor"]),
    ("Tell me a story about a ninja.", ["ninja"]),
    ("Tell me a story about Xiomara and a dolphin.", ["Xiomara", "dolphin"]),
    ("Please tell me a story about a gorilla and a turquoise hat.", ["gorilla", "turquoise", "hat"]),
    ("Do you know a story about a scarecrow?", ["scarecrow"]),
    ("please tell a story about a snow leopard", ["snow leopard"]),
    ("Tell me a story about Kofi and Ingrid.", ["Kofi", "Ingrid"]),
    ("I want a story about a haunted castle.", ["haunted castle"]),
    ("Could you tell a little story about an octopus?", ["octopus"]),
    ("Tell me a story about a werewolf in the desert.", ["werewolf", "desert"]),
    ("Give me a story with a pumpkin and a raccoon.", ["pumpkin", "raccoon"]),
    ("story: an alien and a toaster", ["alien", "toaster"]),
    ("Tell me a story about an old sorcerer.", ["sorcerer"]),
    ("tell me a story about ice cream", ["ice cream"]),
    ("Let me hear a story about a jaguar by the river.", ["jaguar", "river"]),
    ("Tell me a story about Mr. Pumblechook.", ["Pumblechook"]),
    ("Tell me a story about my sister Fatima.", ["Fatima"]),
    ("Hi! Tell me a story about an unlucky burglar.", ["burglar"]),
    ("Tell me a story about a mammoth and a helicopter.", ["mammoth", "helicopter"]),
    ("Write me a story about a girl and a caterpillar.", ["caterpillar"]),
    ("Tell me a story with a panther in the jungle.", ["panther", "jungle"]),
    ("A bedtime story about a walrus, please.", ["walrus"]),
    ("can you make up a story about a gnome and his wheelbarrow", ["gnome", "wheelbarrow"]),
]

# Single words of the wishes that occur nowhere in training, nor with an s at the end.
UNSEEN = frozenset(
    "dragon grandmother unicorn elephant skateboard mermaid dinosaur vampire chimpanzee trumpet princess yolanda "
    "bartholomew svetlana hamster volcano lighthouse submarine engine acrobat flamingo hippopotamus grandfather "
    "tractor ninja xiomara dolphin gorilla turquoise scarecrow leopard kofi ingrid haunted castle octopus werewolf "
    "desert pumpkin raccoon alien toaster sorcerer cream jaguar pumblechook fatima burglar mammoth helicopter "
    "caterpillar panther jungle walrus gnome wheelbarrow".split())

REAL_WORLD = [
    # facts
    "Which mountain is the second highest on Earth?",
    "how many moons does saturn have",
    "Who wrote Pride and Prejudice?",
    "In which year did the Berlin Wall come down?",
    "What's the currency of Hungary?",
    "Why is the sea salty?",
    "what does the liver do",
    "How long does light take to get from the sun to us?",
    "Is glass a liquid or a solid?",
    "Name all the Great Lakes.",
    # today
    "Who won the election last week?",
    "What's in the news this morning?",
    "Did Arsenal win yesterday?",
    "how much is one euro in dollars right now",
    "Will it snow in Chicago this weekend?",
    # code
    "My Docker container exits with code 137, what can I do?",
    "write a bash script that renames all my photos",
    "What is the difference between a list and a tuple in Python?",
    "How do I centre a div?",
    "SELECT name FROM users WHERE age > 30; is this correct?",
    "Can you review my pull request?",
    # advice
    "I have a job interview tomorrow. Any tips?",
    "My girlfriend broke up with me. What should I do now?",
    "should i buy or rent a flat",
    "How can I save more money each month?",
    "What should I wear to a wedding in August?",
    # how to
    "how do i change a flat tyre",
    "How do you get red wine out of a white shirt?",
    "Give me a recipe for lasagne for six people.",
    "what is the best way to learn spanish",
    "How do I reset my iPhone?",
    # opinions
    "Do you think people should eat meat?",
    "Who is the best guitarist of all time?",
    "Are electric cars really better for the environment?",
    "what do you think about trump",
    # languages
    "How do you say 'where is the station' in Italian?",
    "Translate to German: I would like a cup of coffee.",
    "What's the plural of cactus?",
    "Correct the grammar: he don't know nothing",
    # health
    "I've had a headache for three days, is that serious?",
    "how many calories are in a banana",
    "Can I take ibuprofen together with paracetamol?",
    # talk
    "What did you do last weekend?",
    "Tell me a joke about lawyers.",
    "Write a haiku about autumn.",
    "Plan a three day trip to Lisbon for two.",
    # sums far too large
    "What is 348 times 27?",
    "56789 + 43210",
    "what's 15% of 240",
    "What is the square root of 7?",
]
