"""What is known by heart in the village: tables of facts, and single facts.

FACTS    (phrasings, answer, rows of x and y); phrasings and answers are templates of `grammar`
GENERAL  (phrasings, answer)
"""


def rows(text: str) -> list:
    return [row.split(":") for row in text.replace("\n", "|").split("|")]


FACTS = [
    ("[What|Which] [sound|noise] does a {x} make?|What does a {x} say?|How does a {x} sound?|"
     "Which sound do you hear from a {x}?|[Tell me|Do you know] the sound of a {x}[.|?]|Make the sound of a {x}.|"
     "What [sound|noise] do I hear from a {x}?",
     "A {x} says {y}.",
     rows("cat:meow|dog:woof|hen:cluck|duck:quack|owl:hoot|mouse:squeak|goat:meh|sheep:baa|horse:neigh|cow:moo|"
          "frog:croak|crow:caw|goose:honk|donkey:hee-haw|sparrow:tweet|bear:growl")),
    ("What is a [young|baby|little] {x} called?|What do you call a [young|baby|little] {x}?|What is a baby {x}?|"
     "What is the young of a {x} called?|Tell me the [name|word] for a young {x}.|[What|Which] word means a young {x}?|"
     "How do you call the child of a {x}?",
     "A young {x} is called a {y}.",
     rows("cat:kitten|dog:puppy|hen:chick|duck:duckling|fox:cub|owl:owlet|goat:kid|sheep:lamb|horse:foal|cow:calf|"
          "frog:tadpole|goose:gosling|donkey:foal|bear:cub|squirrel:kit|beaver:kit")),
    ("What does a {x} [like to eat|eat|like]?|What [can|should] I give to a {x}?|"
     "[What|Which] food does a {x} like[| best]?|Tell me what a {x} [eats|likes].|What do you feed a {x}?|"
     "What is the best food for a {x}?|What makes a {x} happy?",
     "A {x} likes {y}.",
     rows("cat:fish|dog:bones|hen:corn|duck:bread|fox:berries|owl:mice|rabbit:carrots|mouse:cheese|goat:leaves|"
          "sheep:grass|horse:apples|cow:grass|frog:flies|squirrel:nuts|bear:honey|otter:fish|beaver:bark|"
          "donkey:carrots|goose:grass|crow:corn")),
    ("[What is|What's|Tell me|Say|Give me] the opposite of {x}[?|.]|What is the other end of {x}?|"
     "[Which|What] word is the opposite of {x}?|What is not {x}?|The opposite of {x}?|"
     "Something is not {x}. What is it then?|Opposite of {x}",
     "The opposite of {x} is {y}.",
     rows("big:small|small:big|hot:cold|cold:hot|happy:sad|sad:happy|fast:slow|slow:fast|day:night|night:day|up:down|"
          "down:up|old:young|young:old|open:closed|closed:open|full:empty|empty:full|wet:dry|dry:wet|light:dark|"
          "dark:light|loud:quiet|quiet:loud|high:low|low:high|early:late|late:early|good:bad|bad:good|long:short|"
          "short:long|left:right|right:left|true:false|summer:winter")),
    ("[What|Which] colour is {x}?|Which colour does {x} have?|[Tell me|Do you know|What is] the colour of {x}[.|?]|"
     "What does {x} look like, which colour is it?|In which colour would you paint {x}?|Is {x} red or blue or what?",
     "The colour of {x} is {y}.",
     rows("grass:green|snow:white|coal:black|milk:white|honey:golden|chocolate:brown|gold:golden|butter:yellow|"
          "corn:yellow|salt:white|the sky:blue|the night:black|a plum:purple|"
          "a cherry:red|a carrot:orange|a raven:black")),
    ("What [do you|can I|can you] do with a {x}?|What is a {x} [|good ]for?|Why do people have a {x}?|"
     "What is the use of a {x}?|When do you need a {x}?|Why would I need a {x}?|How do you use a {x}?|"
     "What does a {x} help with?",
     "With a {x} you can {y}.",
     rows("key:open a door|lamp:see in the dark|spoon:eat soup|bucket:carry water|umbrella:stay dry|brush:clean things|"
          "comb:comb your hair|book:read|pencil:write|whistle:call a dog|blanket:stay warm|map:find the way|"
          "kite:play in the wind|bell:call people|cup:drink|coat:stay warm|basket:carry apples|rope:tie things|"
          "mirror:see yourself|drum:make music|flute:make music|bag:carry things|coin:buy bread|ball:play|"
          "lantern:see in the dark|hat:keep the sun away|scarf:stay warm|glove:keep your hand warm|"
          "ribbon:tie your hair|jar:keep jam|box:keep things|button:close a coat")),
    ("Who is the {x}[| of the village| in Fernhill| here]?|What is the name of the {x}?|What is the {x} called?|"
     "[Tell me who|Do you know who] the {x} is[.|?]|Who works as the {x}?|The {x}, who is that?|"
     "Give me the name of the {x}.|Whom do you call the {x}?",
     "The {x} is called {y}.",
     rows("baker:Ada|miller:Otto|teacher:Vera|gardener:Hugo|fisher:Omar|shepherd:Ruth|postman:Ned|doctor:Clara|"
          "tailor:Emil|carpenter:Abel|librarian:Nora|musician:Theo|mayor:Dora|beekeeper:Ivy|smith:Carl|cook:Rosa")),
    ("Who is {x}[| in the village| in Fernhill]?|What does {x} [do|do in the village|do all day|work as]?|"
     "What is {x}'s work?|What is the work of {x}?|Which work does {x} do?|Do you know {x}?|Tell me about {x}.",
     "{x} is the {y} of the village.",
     rows("Ada:baker|Otto:miller|Vera:teacher|Hugo:gardener|Omar:fisher|Ruth:shepherd|Ned:postman|Clara:doctor|"
          "Emil:tailor|Abel:carpenter|Nora:librarian|Theo:musician|Dora:mayor|Ivy:beekeeper|Carl:smith|Rosa:cook")),
    ("Where does the {x} work?|Where [can|do] I [find|meet] the {x}?|Where is the {x}?|"
     "Where should I look for the {x}?|Tell me where the {x} [works|is].|In which place does the {x} work?|"
     "I am looking for the {x}.",
     "You find the {x} {y}.",
     rows("baker:at the bakery|miller:at the mill|teacher:at the school|gardener:in the garden|fisher:at the harbour|"
          "shepherd:in the meadow|librarian:in the library|beekeeper:in the orchard|carpenter:in the barn|"
          "musician:at the market|cook:in the kitchen|mayor:in the tower")),
]
GENERAL = [         # (phrasings, answer)
    ("What is the village called?|What is the name of the village?|What is your village called?|"
     "Which village is this?|[Where do you live|What is the name of your home]?",
     "The village is called Fernhill."),
    ("Where is [the village|Fernhill|your village]?|Where does [the village|Fernhill] lie?|"
     "How do I find [the village|Fernhill]?",
     "The village lies between the river and the forest."),
    ("What is the river called?|What is the name of the river?|Which river flows past the village?|"
     "The river, what is its name?|Does the river have a name?",
     "The river is called the Windle."),
    ("How many days [has|are in|are there in] a week?|How many days does a week have?|A week has how many days?",
     "A week has seven days."),
    ("How many months [has|are in|are there in] a year?|How many months does a year have?|A year has how many months?",
     "A year has twelve months."),
    ("How many legs [has|does] a dog[| have]?|On how many legs does a dog walk?|Count the legs of a dog.",
     "A dog has four legs."),
    ("How many legs [has|does] a hen[| have]?|On how many legs does a hen walk?|Count the legs of a hen.",
     "A hen has two legs."),
    ("How many legs [has|does] a beetle[| have]?|On how many legs does a beetle walk?", "A beetle has six legs."),
    ("How many seasons are there[| in a year]?|How many seasons has a year?|What are the seasons?|Name the seasons.",
     "There are four seasons: spring, summer, autumn and winter."),
    ("What falls in winter?|What comes from the sky in winter?|When does snow fall?|In which season does snow fall?",
     "In winter snow falls."),
    ("When is the market?|On which day is the market?|[What|Which] day is market day?|When can I go to the market?|"
     "When do people go to the market?",
     "The market is on Saturday."),
    ("What comes after the night?|What follows the night?|When the night is over, what comes?",
     "After the night comes the day."),
    ("Where do fish live?|Where does a fish live?|Where can I find fish?", "Fish live in water."),
    ("Where do birds [sleep|live]?|Where does a bird sleep?|What do birds build?", "Birds sleep in a nest."),
    ("[What|Who] gives us honey?|Where does honey come from?|Who makes honey?|Which animal makes honey?",
     "Bees give us honey."),
    ("[What|Who] gives us milk?|Where does milk come from?|Which animal gives milk?", "Cows give us milk."),
    ("[What|Who] gives us eggs?|Where do eggs come from?|Which animal gives eggs?", "Hens give us eggs."),
    ("[What|Who] gives us wool?|Where does wool come from?|Which animal gives wool?", "Sheep give us wool."),
    ("What [do we make|is] bread [|made ]from?|What is in bread?|What does the baker make bread from?",
     "We make bread from corn."),
    ("What shines at night?|What can I see in the sky at night?|What is in the sky at night?",
     "At night the moon and the stars shine."),
    ("What season comes after winter?|[What|Which] season follows winter?|After winter comes what?",
     "After winter comes spring."),
    ("What season comes after spring?|[What|Which] season follows spring?|After spring comes what?",
     "After spring comes summer."),
    ("What season comes after summer?|[What|Which] season follows summer?|After summer comes what?",
     "After summer comes autumn."),
    ("What season comes after autumn?|[What|Which] season follows autumn?|After autumn comes what?",
     "After autumn comes winter."),
    ("How many people live in [Fernhill|the village|your village]?|How big is [Fernhill|the village|your village]?|"
     "How many people are there in [Fernhill|the village]?",
     "Forty-eight people live in Fernhill."),
    ("What is the island like?|How is the island?|Tell me about the island.|What does the island look like?",
     "The island is small and green."),
    ("Who lives in the tower?|What lives in the tower?|Is there somebody in the tower?|Who is in the tower?",
     "An old owl lives in the tower."),
    ("What is in the cave?|How is it in the cave?|What is the cave like?|Tell me about the cave.",
     "In the cave it is dark and cool."),
    ("How old is the mill?|What is the age of the mill?|Is the mill old?|Since when is there a mill?",
     "The mill is a hundred years old."),
    ("Where is the old bridge?|What does the bridge cross?|What is under the bridge?|Tell me about the bridge.",
     "The bridge goes over the Windle."),
    ("When do the bells ring?|When can I hear the bells?|At what time do the bells ring?", "The bells ring at noon."),
    ("What grows in the orchard?|What is in the orchard?|Which trees are in the orchard?|Tell me about the orchard.",
     "Apple trees grow in the orchard."),
    ("Tell me about [the village|Fernhill|your village].|What is [the village|Fernhill|your village] like?|"
     "Describe [the village|Fernhill|your village].|What [do you know about|is] [the village|Fernhill]?",
     "Fernhill is a small village with a mill, a market and an old tower."),
]
