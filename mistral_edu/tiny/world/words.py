"""The words of the world: those that every document uses, and those that it meets occasionally.

The village has few words, so that a small model can know them well. The open vocabulary (guests, things and places
from elsewhere, and words made up on the spot) has a different purpose: the model must learn to copy what it has never
met, since a learner will ask for a story about anything.
"""
from collections import defaultdict

from mistral_edu.tiny.world.probes import UNSEEN

# ---- the village ----
GIRLS = ("Mia Ada Lily Rosa Nora Ella Ivy Clara Hana Zoe June Tess Wren Maya Elsa Dora Lena Pia Ruth Vera Anna Cora "
         "Fay Gwen").split()
BOYS = ("Tom Ben Leo Max Sam Finn Otto Hugo Noah Paul Ravi Omar Theo Jack Emil Carl Nico Luke Oscar Milo Abel Dan "
        "Ned Ian").split()
NAMES = GIRLS + BOYS
ANIMALS = ("cat dog hen duck fox owl rabbit mouse goat sheep horse cow frog hedgehog squirrel crow goose donkey "
           "turtle bear badger otter sparrow beaver").split()
OBJECTS = ("ball box key lamp hat kite drum bell basket coat scarf book cup spoon bucket ring mirror whistle "
           "umbrella rope blanket lantern button flute shell stone feather ribbon map coin glove brush comb jar bag "
           "pencil").split()
COLOURS = "red blue green yellow white black brown orange purple pink grey golden".split()
PLACES = dict(garden="in", river="by", forest="in", hill="on", mill="at", barn="in", market="at", pond="by",
              kitchen="in", bridge="on", school="at", meadow="in", bakery="at", well="by", tower="in", cave="in",
              harbour="at", orchard="in", island="on", library="in")
FOODS = ("bread soup cake apples cheese honey berries nuts pears pie eggs carrots plums porridge cookies jam "
         "potatoes cherries pancakes butter beans corn").split()
WEATHER = "sunny rainy windy snowy foggy cloudy stormy frosty warm cold".split()
TRAITS = "kind brave quiet clever cheerful gentle curious shy careful patient funny polite friendly busy".split()
FEARS = ["the dark", "thunder", "deep water", "high places", "the old tower", "loud noises"]
NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
WORDS = OBJECTS + ANIMALS + FOODS + COLOURS + list(PLACES)

# ---- guests: beings from elsewhere, by the pronoun that suits them ----
CREATURES = ("lion wolf penguin monkey tiger camel whale zebra giraffe parrot pony lizard spider ant bee butterfly "
             "snail crocodile robot kitten puppy bat seal swan stork pig kangaroo llama ladybird goldfish raven "
             "puffin reindeer moose elk bison buffalo panda koala hippo rhino cheetah hyena jackal antelope gazelle "
             "mole gerbil ferret weasel stoat mink skunk opossum porcupine armadillo anteater sloth tapir wombat "
             "platypus dingo emu ostrich peacock pheasant partridge quail turkey rooster chick gosling duckling "
             "lamb calf foal piglet heron crane pelican seagull albatross cormorant kingfisher woodpecker cuckoo "
             "magpie jay robin finch wagtail swallow lark nightingale thrush blackbird pigeon dove eagle hawk "
             "falcon buzzard vulture toad newt salamander gecko chameleon iguana python viper tortoise salmon trout "
             "pike carp herring shark porpoise squid lobster shrimp crab starfish oyster jellyfish beetle cricket "
             "grasshopper mosquito wasp hornet moth centipede worm slug flea firefly snowflake gargoyle goblin elf "
             "troll ogre griffin centaur yeti imp phantom puppet teddy tin.soldier polar.bear guinea.pig sea.lion "
             "sea.horse").split()
WOMEN = ("witch queen duchess countess nun nurse governess dairymaid milkmaid seamstress ballerina waitress heiress "
         "hostess actress goddess sorceress lady bride").split()
MEN = ("wizard king duke knight giant prince emperor sultan pharaoh monk friar butler blacksmith woodcutter "
       "huntsman fisherman postman fireman policeman milkman cowboy bullfighter snowman caveman salesman "
       "gentleman").split()
PEOPLE = ("sailor captain painter dancer singer poet farmer hunter juggler clown magician fiddler drummer piper "
          "soldier guard thief beggar tailor cobbler potter weaver mason plumber chimney.sweep locksmith clockmaker "
          "jeweller barber butcher grocer florist cook waiter tourist traveller explorer inventor scientist "
          "professor student pupil dentist surgeon vet judge lawyer detective spy pilot driver conductor gardener "
          "stranger neighbour hermit orphan twin toddler champion athlete swimmer skater cyclist climber diver "
          "goalkeeper mountain.guide ice.skater bus.driver truck.driver").split()
FAMILY = dict(aunt="she", sister="she", mother="she", niece="she", godmother="she", stepmother="she", mum="she",
              daughter="she", granny="she", wife="she", uncle="he", brother="he", father="he", nephew="he", dad="he",
              godfather="he", stepfather="he", son="he", husband="he", cousin="", friend="", classmate="", teacher="",
              doctor="", boss="", flatmate="", roommate="", babysitter="", best_friend="", baby_sister="she",
              big_brother="he", little_brother="he", pen_friend="", music_teacher="", old_neighbour="")

# ---- things and places from elsewhere ----
THINGS = ("sword guitar bicycle sandwich clock candle chair table wheel hammer doll crown rocket camera piano "
          "pillow backpack telescope balloon teapot plate fork vase carpet bottle needle hook sail anchor kettle "
          "broom accordion banjo harp cello clarinet saxophone tuba bugle cymbal tambourine xylophone triangle gong "
          "harmonica bagpipe fiddle horn organ keyboard microphone radio television laptop tablet phone computer "
          "printer battery magnet compass barometer thermometer stopwatch hourglass sundial calendar diary notebook "
          "envelope postcard stamp parcel letter newspaper magazine dictionary poem painting portrait statue "
          "sculpture mosaic puzzle domino marble dice scooter tricycle sledge snowboard surfboard canoe kayak raft "
          "dinghy yacht ferry barge gondola lorry van taxi bus tram train locomotive carriage wagon cart trolley "
          "pram ladder stool bench sofa armchair cradle hammock mattress duvet cushion curtain wardrobe cupboard "
          "drawer shelf desk bookcase chest trunk suitcase briefcase purse wallet satchel sack barrel crate tin "
          "bowl dish saucer mug jug pitcher goblet flask thermos pan pot wok ladle sieve grater whisk spatula oven "
          "fridge freezer mixer blender vacuum lightbulb torch lighter match lampshade chandelier fan heater "
          "radiator tap sink bathtub shower towel sponge toothbrush razor hairdryer perfume lipstick necklace "
          "bracelet earring brooch pendant locket watch belt buckle zip collar cuff sleeve shirt blouse jumper "
          "cardigan waistcoat jacket raincoat cape cloak gown skirt apron kilt tie bow veil turban bonnet beret "
          "helmet wig mask boot shoe slipper sandal sock mitten spade shovel rake hoe axe saw chisel drill spanner "
          "screwdriver pliers nail screw bolt hinge latch padlock chain cable wire spring lever pulley funnel hose "
          "sprinkler watering.can fence gate letterbox doorknob chimney pebble crystal diamond ruby emerald "
          "sapphire pearl nugget fossil acorn pinecone chestnut walnut coconut pineapple mango banana melon "
          "cucumber cabbage cauliflower turnip radish onion mushroom pretzel biscuit muffin doughnut waffle "
          "dumpling noodle sausage omelette lollipop toffee marshmallow milkshake lemonade tulip daisy lily.pad "
          "sunflower rosebud thistle cactus fern snowball icicle footprint cobweb nest egg cocoon anthill kennel "
          "birdhouse aquarium tent parasol deckchair snorkel fishing.rod net paddle oar lifebelt flag banner medal "
          "trophy ticket passport flute.case wand potion cauldron crystal.bowl spell.book paper.plane paper.boat "
          "toy.car snow.globe music.box jigsaw rubber.duck alarm.clock hot.water.bottle rocking.horse bow.tie "
          "sewing.machine typewriter ink.pot fountain.pen hot.air.balloon roller.skate tennis.racket golf.club "
          "cricket.bat chess.piece football basketball boomerang spinning.top hula.hoop catapult firework sparkler "
          "gingerbread.house").split()
GUEST_PLACES = dict(
    valley="in", village="in", city="in", street="in", park="in", cellar="in", attic="in",
    hospital="in", hotel="in", restaurant="in", theatre="in", cinema="in", museum="in", palace="in", cottage="in",
    cathedral="in", chapel="in", temple="in", pyramid="in", office="in", factory="in", workshop="in", garage="in",
    greenhouse="in", vineyard="in", swamp="in", marsh="in", canyon="in", gorge="in", quarry="in", mine="in",
    tunnel="in", dungeon="in", cloakroom="in", classroom="in", gym="in", laundry="in", pantry="in", bathroom="in",
    bedroom="in", igloo="in", lagoon="by", lake="by", stream="by", brook="by", waterfall="by", fountain="by",
    canal="by", seaside="at", airport="at", station="at", zoo="at", circus="at", farm="at",
    fair="at", playground="at", pool="at", crossroads="at", camp="at", post_office="at", bus_stop="at", inn="at",
    ice_rink="at", railway_station="at", windmill="at", beach="on", mountain="on", roof="on", balcony="on",
    cliff="on", glacier="on", iceberg="on", pier="on", deck="on", plain="on", moor="on", ship="on",
    sandbank="on", staircase="on", stage="on", football_field="on", secret_garden="in", rose_garden="in",
    ghost_town="in", toy_shop="in", sweet_shop="in", pine_forest="in", tree_house="in", treetop="in", hollow="in")
NEW_COLOURS = ("crimson scarlet violet beige maroon lilac indigo ivory ochre navy olive amber bronze lavender khaki "
               "magenta pale.blue dark.green bright.red sky-blue rainbow-coloured spotted striped checked").split()
ADJECTIVES = ("magic old tiny huge strange silver wooden broken shiny hidden lost wild lazy sleepy hungry grumpy "
              "merry noisy invisible flying talking dancing singing secret ancient crooked dusty rusty glass copper "
              "velvet paper tin straw clay woollen striped spotted round square tall long heavy light frozen "
              "burning golden-haired three-legged one-eyed purple-spotted").split()


def spaced(words: list[str]) -> list[str]:
    return [word.replace(".", " ").replace("_", " ") for word in words]


CREATURES, PEOPLE, THINGS = spaced(CREATURES), spaced(PEOPLE), spaced(THINGS)
FAMILY = dict(zip(spaced(FAMILY), FAMILY.values()))
GUEST_PLACES = dict(zip(spaced(GUEST_PLACES), GUEST_PLACES.values()))
GUESTS = CREATURES + WOMEN + MEN + PEOPLE
NEW_COLOURS = spaced(NEW_COLOURS)
OPEN_WORDS = GUESTS + list(FAMILY) + THINGS + list(GUEST_PLACES) + NEW_COLOURS + ADJECTIVES

NEW_GIRLS = ("Amara Anastasia Astrid Aurora Beatrice Caroline Cassandra Charlotte Cleopatra Dorothy Eleanor "
             "Elizabeth Felicity Florence Genevieve Gretchen Guadalupe Harriet Hermione Isabella Isidora Jacqueline "
             "Josephine Juliet Kamala Katarina Lucinda Magdalena Margaret Matilda Miranda Monica Octavia Olga "
             "Ophelia Patricia Penelope Philippa Priscilla Rachel Rebecca Rosalind Samantha Shanice Sophia Susannah "
             "Tabitha Theresa Ursula Valentina Veronica Victoria Wilhelmina Winifred Yasmin Yuki Zelda").split()
NEW_BOYS = ("Alejandro Archibald Benedict Bjorn Christopher Cornelius Damian Desmond Dominic Edmund Ezekiel Fabian "
            "Ferdinand Frederick Gabriel Giovanni Gregory Hercules Hiroshi Humphrey Jasper Jeremiah Jonathan Kwame "
            "Lancelot Leopold Lorenzo Ludwig Malcolm Maximilian Mehmet Melchior Mohammed Nathaniel Nicholas Nigel "
            "Oliver Percival Quentin Rajesh Raphael Roderick Rupert Sebastian Siegfried Stanislav Sven Thaddeus "
            "Thomas Timothy Tobias Ulrich Vincent Vladimir Walter William Xavier Yusuf Zachary").split()
NEW_NAMES = NEW_GIRLS + NEW_BOYS

# ---- words that nobody has ever heard ----
ONSETS = ("b c d f g h j k l m n p qu r s t v w y z bl br ch cl cr dr fl fr gl gr kn ph pl pr sc sh sk sl sm sn sp "
          "st str sw th thr tr tw wh wr").split()
VOWELS = "a e i o u a e i o u ai au ea ee ei ie oa oi oo ou ow y".split()
CODAS = ("b ck d f g k l ll m n p r s ss t x z ct ft ld lk lm lt mp nch nd ng nk nt rd rk rm rn rt rth sh sk sp st "
         "tch th").split()
ENDINGS = ("er or ard el le in on um us a o y ie ing ling kin let ette ess ina ella elo ora ian ander ax ix oz ster "
           "man by ton field wick bert mina dora").split()


def letter_chain(words: list[str]) -> dict:
    """Which letters follow each two letters of these words; "^" stands before a word, "$" behind it."""
    follow = defaultdict(list)
    for word in words:
        letters = f"^^{word.lower()}$"
        for a, b, c in zip(letters, letters[1:], letters[2:]):
            follow[a + b].append(c)
    return dict(follow)


CHAIN = letter_chain([w for w in WORDS + OPEN_WORDS + TRAITS + [n.lower() for n in NAMES] if w.isalpha()])


def chained(r, chain=CHAIN) -> str:
    """A word whose every three letters occur in a word of the world: it looks English."""
    word, pair = "", "^^"
    while len(word) < 12:
        letter = r.choice(chain[pair])
        if letter == "$":
            break
        word, pair = word + letter, pair[1] + letter
    return word if len(word) > 2 else chained(r, chain)


def syllables(r) -> str:
    """A word of one to four syllables, some with a familiar ending."""
    word = ""
    for _ in range(r.choice((1, 1, 1, 2, 2, 2, 2, 3, 3, 4))):
        word += r.choice(ONSETS) + r.choice(VOWELS)
        if r.random() < 0.25:
            word += r.choice(CODAS)
    if r.random() < 0.3:
        word += r.choice(CODAS) + r.choice(ENDINGS)
    return word if len(word) > 2 else syllables(r)


def of_the_exam(word: str) -> bool:
    return word in UNSEEN or word.removesuffix("s") in UNSEEN


def made_up(r, two_words=0.1) -> str:
    """A word in small letters that is (nearly always) in no list, in many shapes; now and then two words."""
    x = r.random()
    if x < two_words:
        second = r.random()
        first = r.choice(ADJECTIVES) if second < 0.6 else made_up(r, 0)
        return first + " " + (r.choice(OPEN_NOUNS) if second > 0.4 else made_up(r, 0))
    if x < 0.2:
        word = r.choice(SHORT_NOUNS) + r.choice(SHORT_NOUNS)
    else:
        word = chained(r) if x < 0.6 else syllables(r)
    return word if not of_the_exam(word) else made_up(r, 0)


OPEN_NOUNS = [w for w in GUESTS + THINGS if w.isalpha()]
SHORT_NOUNS = [w for w in OPEN_NOUNS + OBJECTS + ANIMALS + list(PLACES) if len(w) < 6]


NAME_CHAIN = letter_chain(NAMES + NEW_NAMES)


def new_name(r, names=NEW_NAMES) -> str:
    """A name that nobody in the village has: one of these names of other lands, or made up.

    >>> import random
    >>> new_name(random.Random(1))[0].isupper()
    True
    """
    x = r.random()
    if x < 0.3:
        return r.choice(names)
    word = chained(r, NAME_CHAIN) if x < 0.6 else made_up(r, 0)
    return word.capitalize() if not of_the_exam(word) else new_name(r, names)
