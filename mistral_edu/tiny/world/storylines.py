"""The plots: what happens in the stories. Texts in the grammar of `grammar.py`; the slots are those of `cast.py`.

A full story is an opening (who it is about), the plot, a lesson and an ending. Whatever the slots hold, a plot has to
make sense: the hero {n} may be a child, a wizard, an ant or "my uncle"; so may the companion {a}; {o} may be a coin or
a piano; {pl} may be indoors. So nobody has wings or pockets here, and nothing is put under a leaf.

Every plot names the hero, the friend {h}, the companion, "{c} {o}" and the place, whichever alternatives are chosen;
the answers to the questions rely only on what is always said.
"""
from typing import NamedTuple

from mistral_edu.tiny.world import grammar


class Plot(NamedTuple):
    theme: str       # what it is about, as in a request
    text: str
    lessons: str     # alternatives
    questions: list  # [(question, answer), ...]


grammar.MACROS.update({
    "when": "[One morning|One day|One afternoon|Early one morning|One {day}|Late one afternoon]",
    "air": "[||It was a {w} day. |The sky was grey that day. |Birds were singing. |A soft wind was blowing. "
           "|Somewhere somebody was whistling. ]",
    "glad": "[very happy|glad|full of joy|happier than ever|as happy as could be|so happy that {he} laughed out loud]",
    "end": "[|That night {n} slept well.|{N} and {a} are friends to this day.|{N} never forgot that day."
           "|Soon everyone in the village had heard about it.|In the evening they all ate {f} together."
           "|{N} and {h} still talk about it.|And when {n} tells this story, {a} always smiles.] "
           "[||The end.|And that was that.|And that is the end of the story.]",
})

# How a story begins, by the kind of hero: {kid} is "a little girl", {who} "a wizard" or "my uncle".
OPENINGS = {
    "named":
        "[Once upon a time there was {kid}|In a small village there lived {kid}|Long ago there lived {kid}|There "
        "was once {kid}|In a little house near {pl2} lived {kid}|Not far from here lived {kid}|This is the story of "
        "{kid}] called {n}.",
    "unnamed":
        "[Once upon a time there was {who}.|In a small village there lived {who}.|Long ago there lived {who}.|There "
        "was once {who}.|In a little house near {pl2} lived {who}.|Not far from here lived {who}.|This is the story "
        "of {who}.]",
    "family":
        "[This is a story about {who}.|Let me tell you about {who}.|Listen to what happened to {who}.|{Who} lived "
        "in a little house near {pl2}.|{Who} always had a story to tell, and this is one of them.]",
}
LESSON = "[|So {n} learned that %s.|That day everyone learned that %s.|It is true: %s.|{H} often says that %s.]"

PLOTS = [
    Plot("losing something",
         "{He} had a {c} {o} and [took good care of it|loved it more than anything|showed it to everyone]. %when "
         "the {o} was gone. [{N} looked under the bed and behind the door.|{N} turned the whole house upside "
         'down.|{N} looked in every room, and then once more.] ["Where can it be?" {he} sighed.|{N} sat down on the '
         'step and felt like crying.|It was as if a friend had gone away.] Then {an} came along. ["Why are you so '
         'sad?" asked {a}. "My {o} is lost," said {n}.|"I have lost my {o}," said {n}. "Then let us look together," '
         'said {a}.] %airThey asked {h}, who [thought for a while|nodded] and said, "I saw something {c} {p}." So '
         "they [hurried|went|ran] to {pl}. [They searched high and low.|They looked in every corner.|At first they "
         "saw nothing.] [At last|Then, all at once,|Just as {n} was giving up,] {a} found the {o}. [{N} was "
         '%glad.|"Thank you!" said {n}, and gave {a} some {f}.|{N} did not know what to say, and hugged {a}.]',
         "[two can look better than one|a friend who helps you look is worth more than what you lost]",
         [("What did {n} lose?", "A {c} {o}."), ("Who found the {o}?", "{A}."), ("Where was the {o}?", "{P}."),
          ("Who had seen something {c}?", "{H}.")]),
    Plot("finding something",
         "%when {he} was [walking along|humming a song|quite alone] {p} when [something shone in the "
         'light|something made {him} stop|{he} nearly fell over something]. It was a {c} {o}. ["Whose {o} is this?" '
         '{n} wondered.|{N} would have liked to keep it, but it was not {his} own.|"Somebody must be missing it," '
         'thought {n}.] %air{An} [passed by|was resting nearby] and looked at it. "That belongs to {h}," said {a}. '
         '[So {n} set off at once.|It was a long way, but {n} did not mind.|"Then I will take it back," said {n}.] '
         'When the door opened, {h} [could not believe it|gave a cry of joy|had red eyes from crying]. "My {o}!" '
         'said {h}. "[I looked for it all day|I thought it was gone for ever|It was a gift from my mother]." [A '
         "bowl of {f} stood on the table, and they ate together.|{N} got some {f} and a big hug.|{H} thanked {n} "
         "again and again, and shared some {f} with {him}.]",
         "[it feels good to give things back|a thing that is not yours can not make you happy]",
         [("What did {n} find?", "A {c} {o}."), ("Where did {n} find the {o}?", "{P}."),
          ("Whose {o} was it?", "It belonged to {h}."), ("Who knew whose {o} it was?", "{A}.")]),
    Plot("sharing",
         "%when {h} gave {him} some {f} [for the day|for lunch|for the road], and {n} went to {pl}. %air{P} sat "
         '{an}. ["I have not eaten for two days," said {a}.|"Please, may I have a little?" asked {a}.|{A} said '
         "nothing, but {ahis} eyes were hungry.] [At first {n} did not want to share, but then {he} thought "
         'again.|{N} did not think long.|"There is enough for two," said {n}.] So {n} gave half of the {f} to {a}. '
         '[They ate side by side.|{A} ate every crumb.|"How good that was!" said {a}.] A week later there was a '
         'knock at the door. It was {a}, and {ahe} had brought a {c} {o}. ["This is for you," said {a}.|"You shared '
         'with me, and now I share with you," said {a}.|"I found it and thought of you," said {a}.] {N} was %glad.',
         "[what you share comes back to you|half a meal with a friend is more than a whole one alone]",
         [("What did {n} share?", "Some {f}."), ("Who was hungry?", "{A}."), ("What did {a} bring?", "A {c} {o}."),
          ("Who gave {n} the {f}?", "{H}.")]),
    Plot("a rescue",
         '%when {n} heard a cry. It came from {pl}. [{N} ran as fast as {he} could.|"Somebody needs help!" said '
         "{n}.|{N} was afraid, but {he} went to see.] {P} {an} was [stuck between two heavy stones|caught in a "
         'net|trapped under a heavy log]. ["Help me!" cried {a}.|"I can not get out," said {a}.|{A} was cold and '
         "tired.] %air[{N} looked around.|What could {he} do?|{N} thought hard.] There was nothing but a {c} {o}. "
         '["Hold on to this!" called {n}.|"Well, it is better than nothing," said {n}.] With the {o}, and with all '
         '{his} strength, {n} got {a} out. ["You saved me," whispered {a}.|{A} took a deep breath and smiled.|For a '
         "while neither of them could speak.] Then {h} came running with [a warm quilt and some {f}|some {f}|some "
         "{f} and hot tea], and they all rested.",
         "[even a small thing can be a great help|you can be afraid and still help]",
         [("Who needed help?", "{A}."), ("Where was {a}?", "{P}."), ("What did {n} use?", "A {c} {o}."),
          ("Who came with {f}?", "{H}.")]),
    Plot("being afraid",
         "{N} was afraid of {fear}. [{He} told nobody about it.|Some laughed at {him} for that.|It had always been "
         "so.] %when {h} asked {him} to bring some {f} to {pl}, and the way was [long|dark|steep]. [Step by step "
         "{n} went on, but slowly.|Soon {his} heart was beating fast.|Half way {n} stopped and could not go on.] "
         'There {he} met {an}. ["Are you afraid?" asked {a}. "Yes," whispered {n}.|"I am afraid," said {n}. "So am '
         'I, sometimes," said {a}.] Then {a} gave {him} a {c} {o}. "[Hold it tight|Take it with you|Look at it when '
         'you are afraid], and you will be brave," said {a}. %air[It worked!|And really, it helped.] {N} '
         '[walked|marched] all the way to {pl}, and [even sang a song|did not look back once|was proud]. ["The {o} '
         'is only a {o}," {a} said later. "You were brave all by yourself."|{N} keeps the {o} to this day.|"Do you '
         'know," {a} said later, "it is not a magic {o} at all."]',
         "[courage is inside you|you can be afraid and brave at once]",
         [("What was {n} afraid of?", "{Fear}."), ("Who helped {n}?", "{A}."),
          ("What did {a} give to {n}?", "A {c} {o}."), ("Where did {n} have to go?", "To {pl}.")]),
    Plot("a race",
         "{He} was [fast, and {he} knew it|the fastest in the village|proud of how fast {he} was]. %when {an} said, "
         '"Let us race to {pl}. The winner gets this {c} {o}." ["You are far too slow!" laughed {n}.|"Very well," '
         'said {n}, "I like to win."|{N} only smiled.] %air{H} [counted to three|clapped three times|waved a flag], '
         'and off they went. Soon {n} was far ahead. "[I have plenty of time|There is no hurry|I can rest a '
         'little]," {he} thought, and [sat down to eat some {f}|lay down under a tree and fell asleep|stopped to '
         "talk to a neighbour]. But {a} went on, step by step, and never [looked back|stopped|rested]. When {n} "
         'came at last, {a} was already {p}. ["How did you do that?" asked {n}. "I did not stop," said {a}.|{N} '
         'turned red. "Well done," {he} said.|{N} was sad for a moment, and then clapped for {a}.] So {a} won the '
         "{o}.",
         "[slow and steady wins the race|it is not wise to rest too soon]",
         [("Who won the race?", "{A}."), ("What did the winner get?", "A {c} {o}."),
          ("Where did they race to?", "To {pl}."), ("Who started the race?", "{H}.")]),
    Plot("not giving up",
         "{N} wanted to make a {o} [with {his} own hands|all alone|as a gift] for {h}. [The first one broke.|The "
         "first one was much too small.|The first one fell apart.] [The second one was no better.|The second one "
         'looked like a potato.|The second one was crooked.] "[I will never learn it|This is too hard for me|Now I '
         'have had enough]," said {n}, and ran off to {pl}. %air{P} {n} saw {an} at work. ["How do you do it so '
         'well?" asked {n}.|"Do you never make mistakes?" asked {n}.] "[I make a hundred mistakes|I go slowly|I '
         'fall and I get up]," said {a}, "and then I try once more." {N} [thought about this all the way home|went '
         "home|thanked {a} and went home] and began again. [This time it was good.|This time {he} did not "
         "hurry.|This time every piece was in its place.] In the end {he} painted it, and there it was: a {c} {o}! "
         "{H} [liked it very much|could not stop looking at it|put it in the best place in the house].",
         "[practice makes perfect|those who try again win in the end]",
         [("What did {n} make?", "A {c} {o}."), ("Where did {n} see {a}?", "{P}."),
          ("Who was the {o} for?", "For {h}.")]),
    Plot("a birthday",
         '{His} friend {h} had a birthday on {day}. [But {n} had no gift.|"What can I give?" {n} wondered.|{N} had '
         'no money for a gift.] So {he} asked {an} for help. "[Gifts are everywhere|Do not buy one, find one|I know '
         'just the place]," said {a}. "Come with me to {pl}." %air{P} they [looked around|looked for a long '
         "time|asked everyone they met], and there, [half hidden|all alone|among some old things], was a {c} {o}. "
         '[{N} cleaned it until it shone.|{N} wrapped it in paper.|"May I have it?" asked {n}, and nobody minded.] '
         'Then came the day. Everyone ate {f}[, and there was music, too|, and they played games|]. ["A {o}!" cried '
         '{h}. "I always wanted one."|When {h} saw the {o}, {hhe} laughed with joy.|{H} unwrapped the {o} and was '
         'quiet for a moment. "It is perfect," {hhe} said.] [{A} got the biggest piece.|They sang until the moon '
         "came up.|{N} was %glad.]",
         "[the best gifts come from the heart|a gift need not cost anything]",
         [("Who had a birthday?", "{H}."), ("What was the gift?", "A {c} {o}."),
          ("Where did they find the gift?", "{P}."), ("When was the birthday?", "On {day}.")]),
    Plot("a storm",
         "{He} had a {c} {o}, and it had its place by the door. One night a great storm came. [The windows "
         "shook.|The trees bent low.|The rain beat on the roof.] [{N} hid under the quilt.|{N} could not sleep.|{N} "
         "counted to a hundred, and again.] In the morning it was still, but the {o} was gone. The wind had taken "
         "it! [{N} followed the broken branches and|{N} went from house to house, until {he}|{N} asked everyone, "
         'and at last {he}] came to {h}. "[It flew over my roof|I saw it fly by|It was as high as a bird]," said '
         '{h}, "and then on to {pl}." {P} {n} met {an}. ["Is this yours?" asked {a}.|"Look what the wind brought '
         'me," said {a}.|{A} was holding the {o} like a treasure.] [{N} laughed. "Yes, it is mine!"|"My {o}!" said '
         "{n}.] But {a} had lost {ahis} roof in the storm. So they worked together all day [and made a new "
         "one|until it was whole again], and then they ate some {f}.",
         "[after the storm comes the sun|a bad day can end well]",
         [("What took the {o}?", "The wind."), ("Who had the {o} after the storm?", "{A}."),
          ("Where did {n} meet {a}?", "{P}."), ("Who saw the {o} fly?", "{H}.")]),
    Plot("a quarrel",
         '{N} and {h} were the best of friends. %when they were {p} and found a {c} {o}. ["It is mine!" said {n}. '
         '"No, I saw it first!" said {h}.|Both of them wanted to have it.|{N} pulled at one end, and {h} pulled at '
         "the other.] [They shouted at each other.|They would not speak for three days.|{H} went home and shut the "
         'door.] %airThen {an} heard about it. ["You look sad, both of you," said {a}.|"A {o} can not laugh with '
         'you," said {a}. "A friend can."|"What is a {o} worth without a friend?" asked {a}.] "{N} shall have it in '
         'the morning, and {h} in the evening." [They looked at each other and laughed.|"That is fair," said '
         '{h}.|"I am sorry," said {n}. "So am I," said {h}.] So they made peace, and [ate some {f} together|shared '
         "some {f} with {a}|went to {pl} again the next day].",
         "[a friend is worth more than a thing|it is better to share than to fight]",
         [("What did they find?", "A {c} {o}."), ("Who made peace between them?", "{A}."),
          ("When could {n} have the {o}?", "In the morning."), ("Where did they find the {o}?", "{P}.")]),
    Plot("a strange noise",
         "%when there was a strange noise. It came from {pl}. [Bang, bang, bang!|It went knock, knock, knock.|It "
         'sounded like a song, but a sad one.|It hummed and rattled.] "[It is a ghost|It must be a monster|Do not '
         'go there]!" said {h}. [Nobody wanted to look.|Everyone shut the doors.|The whole village was whispering.] '
         "But {n} [took a candle and went|was too curious to stay|wanted to know]. [Step by step {he} came "
         "closer.|It grew louder and louder.|{His} heart was beating fast.] And what was {p}? Only {an}, with a {c} "
         '{o}! ["I can not sleep, so I play with it," said {a}.|"Oh, did I wake you?" asked {a}.|"I am practising," '
         'said {a}.] [{N} laughed out loud.|They both had to laugh.|"May I try it too?" asked {n}.] Then {n} ran to '
         'fetch {h}, and they came back with some {f}. [It was a merry night.|"So this is your ghost," said {n}.]',
         "[you should look before you are afraid|most ghosts are only friends you do not know yet]",
         [("Who made the noise?", "{A}."), ("What did {a} have?", "A {c} {o}."),
          ("Where did the noise come from?", "From {pl}."), ("Who was afraid of the noise?", "{H}.")]),
    Plot("a treasure",
         '%when {h} gave {him} an old note[, torn at the edges|, which {hhe} had found behind the stove|]. "Go '
         'first to {pl2} and then to {pl}," it said. ["A treasure!" cried {n}.|{N} packed some {f} and went.|{N} '
         'could hardly wait.] {P2} {he} met {an}. ["May I come with you?" asked {a}.|"Two are better than one," '
         "said {a}.|{A} had always dreamed of a treasure.] So they went on together. %air{P} they [looked high and "
         'low|looked until evening|found a cross, just as the note said]. ["There is something!" whispered '
         '{a}.|Then {n} saw it.] It was an old chest, and in the chest was a {c} {o}. ["Is that all?" asked {a}. '
         '"No," said {n}, "I have found you, too."|It was old and very beautiful.|They looked at it for a long '
         "time.] [They ate {f} and watched the stars.|{N} was %glad.|Side by side they went home.]",
         "[the way is part of the treasure|a friend is the best treasure]",
         [("What was in the chest?", "A {c} {o}."), ("Where was the treasure?", "{P}."),
          ("Where did {n} meet {a}?", "{P2}."), ("Who gave {n} the old note?", "{H}.")]),
    Plot("a wish",
         "{He} had one wish: to [sing like a bird|dance|write a poem|tell stories|swim in the sea]. [Many laughed "
         'at {him}.|"You can not do that," they all said.|Nobody believed in {him}.] Only {h} [listened|did not '
         'laugh]. "Go and find {an} {p}," said {h}. So {n} went to {pl}. %air["Can you teach me?" asked {n}.|"I '
         'want to learn," said {n}.] Then {a} gave {him} a {c} {o}. "[With this it is easier|It will help you|It '
         'helped me, too]," said {a}. [All summer {n} worked hard.|{N} tried again and again.|The first time it '
         "went wrong, and the second time, too.] [And one day {his} wish came true.|And one fine {day} {he} could "
         "do it.|And then, in spring, {he} could do it.] [Nobody laughed any more.|Everyone clapped.|They all came "
         "to see it, and brought some {f}.]",
         "[wishes need work|nobody is too small for a big wish]",
         [("Who did not laugh at {n}?", "{H}."), ("Who helped {n} at {pl}?", "{A}."),
          ("What did {a} give to {n}?", "A {c} {o}.")]),
    Plot("telling the truth",
         "%when {he} was {p} and broke the {c} {o} of {h}. It was an accident. [Nobody had seen it.|There was "
         "nobody around.|Only the wind had seen it.] So {n} [hid the pieces and went home|ran away|said nothing at "
         "all]. [But {he} could not eat {his} {f}.|That night {he} could not sleep.|But {his} heart was heavy.] The "
         'next day {he} met {an}. ["What is wrong?" asked {a}, and {n} told everything.|"You look as if you carried '
         'a rock," said {a}, and {n} told everything.] "[Tell {h} the truth|The truth will make it better|Go to '
         '{h}]," said {a}. "[I will come with you|You will feel light again|It is hard only for a minute]." %airSo '
         '{n} went to {h}. "I broke your {o}," {he} said. "I am sorry." [For a while {h} was quiet, and then {hhe} '
         'smiled.|"Thank you for the truth," said {h}.|"A {o} can be mended," said {h}.] They mended it together, '
         "and [then they ate some {f}|it was as good as new|all was well again].",
         "[the truth makes the heart light|a mistake is not so bad when you tell it]",
         [("What did {n} break?", "The {c} {o} of {h}."), ("Where did it happen?", "{P}."),
          ("Who told {n} to tell the truth?", "{A}.")]),
    Plot("somebody grumpy",
         "{N} liked everyone, and nearly everyone liked {n}. But near {pl} lived {an}, and {a} was always grumpy. "
         '["Go away!" {ahe} said to everyone who came by.|{A} never said hello.|When others laughed, {a} shut the '
         'window.] "[Leave {ahim} alone|{Ahe} does not like anyone|It is no use]," said {h}. But {n} [had an '
         "idea|was not so sure|did not give up so soon]. One [morning|evening|afternoon] {he} went to {pl} with a "
         '{c} {o} and [left it at the door.|put it down without a word.|said, "This is for you."] %air[The next day '
         "the door was open, just a little.|For two days nothing happened.|Nothing moved behind the window.] On "
         '{day} {n} came again, [and there was {a}, and {ahe} was smiling|and {a} was waiting outside]. "Nobody '
         'ever gave me anything," said {a}. "[I was not grumpy, only lonely.|Would you like some {f}?|Please come '
         'in.]" [They talked until it was dark.|So {n} fetched {h}, and the three of them ate {f}.|Since then '
         "nobody calls {ahim} grumpy.]",
         "[behind a grumpy face there may be a lonely heart|kindness opens every door]",
         [("Who was grumpy?", "{A}."), ("What did {n} give to {a}?", "A {c} {o}."),
          ("Where did {a} live?", "Near {pl}."), ("When did {n} come again?", "On {day}.")]),
    Plot("swapping things",
         "{N} had a {c} {o}, but [{he} was tired of it|{he} wanted something new|it seemed dull to {him}]. %when "
         '{he} took it to {pl}. There {n} met {h}. "[I will give you a cake for your {o}|Let us swap, my cake for '
         'your {o}]," said {h}, and {n} agreed. [Soon {n} met {an}|A little later came {an}]. "[What a fine cake|I '
         'love cake|I am so hungry]!" said {a}. "I will give you a wooden top for it." So {n} had a top. %air[But '
         "it would not spin.|But it fell over again and again.|But after an hour {he} was tired of it.] Now {n} "
         'missed {his} old {o}. [{He} looked so sad that {a} laughed.|"What a fool I was," said {n}.] Then {a} had '
         'an idea. "We will share the cake with {h}," said {a}, "and {hhe} will give you your {o} back." [And so it '
         "was.|And that is what they did.] {N} [held the {o} and was %glad|looked at the {o} and it did not seem "
         "dull at all|never wanted to swap it again].",
         "[often you see what a thing is worth when it is gone|new is not always better]",
         [("What did {n} swap for a cake?", "A {c} {o}."), ("Who had the cake first?", "{H}."),
          ("What did {n} get for the cake?", "A wooden top."), ("Who had the idea?", "{A}.")]),
    Plot("a festival",
         "On {day} there was to be a festival {p}, and everyone was [cooking {f}|hanging up paper stars|learning a "
         'song]. Only {n} had nothing to show. ["I can not sing," {he} said.|"I can not dance," {he} said.|"What am '
         'I good at?" {he} asked.] "[You always find something|Just come|Do not worry]," said {h}. On the way to '
         "{pl} {n} met {an}, who [was carrying far too much|was tired from the long road|had lost the way]. [{N} "
         'helped gladly.|"Let me help you," said {n}.] %air"Thank you," said {a}. "Take my {c} {o} and show it to '
         'everyone." [And really, they all came to see it.|Everyone wanted to see it.|"A {c} {o}!" they called. '
         '"Who has ever seen such a thing?"] Then {h} [climbed on a chair|asked for silence] and said, "The best '
         'thing today is not the {o}. It is that {n} [helped a stranger|stopped to help]." [Everyone cheered.|{N} '
         "turned red with joy.|And they danced until midnight.]",
         "[being kind is a gift, too|everyone is good at something]",
         [("When was the festival?", "On {day}."), ("Where was the festival?", "{P}."),
          ("Who gave {n} the {o}?", "{A}."), ("What did {n} get from {a}?", "A {c} {o}.")]),
    Plot("being lost",
         "%when {n} wanted to visit {h}. [A thick fog came up|It grew dark early|{N} took a wrong turn], and soon "
         '{he} did not know the way any more. ["Hello?" {n} called, but nobody answered.|Every path looked the '
         "same.|{N} went left, then right, and came back to the same tree.] At last {he} came to {pl}. {P} sat "
         '{an}, [cleaning|holding|looking at] a {c} {o}. ["Are you lost?" asked {a}.|"You are not from here," said '
         '{a}.] "I am looking for the house of {h}," said {n}. "[That is easy|I know it well|It is not far]," said '
         '{a}. "But eat something first." So they ate {f}. %airThen {a} gave {him} the {o}. "Take it," said {a}, '
         '"and [leave it with {h}|bring it back on {day}]. Now, always follow the [old wall|stars|sound of the '
         'bells]." [{N} did so|So {n} went], and soon there was a light in a window. ["There you are!" called {h}. '
         '"I was worried."|{H} was waiting at the door.|Never had a light looked so warm.]',
         "[it is good to ask when you are lost|there is nearly always somebody who knows the way]",
         [("Who was {n} going to visit?", "{H}."), ("Where did {n} meet {a}?", "{P}."),
          ("What did {a} give to {n}?", "A {c} {o}."), ("What did they eat?", "They ate {f}.")]),
    Plot("a secret",
         '%when {h} whispered something to {n}. "There is a {c} {o} {p}," {hhe} said, "but [do not tell anyone|it '
         'is a secret|nobody may know]." [{N} promised.|"Not a word," said {n}.|{N} nodded.] It is hard to keep a '
         "secret. [It tickled like a fly on the nose.|All day {n} thought of nothing else.|{N} even dreamed of it.] "
         'Then {n} met {an}. "[You know something,|Why do you smile like that?|Tell me what it is,]" said {a}. "[I '
         'will give you some {f}|Please, I am your friend|Only one little word]." {N} [opened {his} mouth and shut '
         'it again|wanted to tell it, and bit {his} lip|took a deep breath]. "No," said {n}, "a promise is a '
         'promise." %airOn {day} {h} took them both to {pl}. "Surprise!" {hhe} called. The {o} was a gift for {a}! '
         '["And you knew it all the time?" asked {a}.|{A} looked at {n} with big eyes.|{A} laughed until {ahe} '
         "cried.] [They ate {f} and laughed.|{N} was %glad to have kept the secret.]",
         "[a promise is a promise|the best secrets end with a surprise]",
         [("Who told {n} the secret?", "{H}."), ("Where was the {o}?", "{P}."), ("Who was the {o} for?", "For {a}."),
          ("What was the secret gift?", "A {c} {o}.")]),
    Plot("a new neighbour",
         '%when a new neighbour came to live near {pl}. It was {an}. ["I do not know anyone like that," said '
         '{h}.|"Do not talk to strangers," said some.|Everyone looked, but nobody said hello.] {N} [looked out of '
         "the window, too|was curious|thought about it all morning]. {A} was sitting alone in front of a pile of "
         'trunks. %air["How would I feel?" thought {n}.|"Nobody should be alone on the first day," said {n}.] So '
         '{he} took some {f} and went over. "Welcome," said {n}. [{A} had tears in {ahis} eyes.|At first {a} could '
         'not speak.|"You are the first to say so," said {a}.] They unpacked together, and in the last trunk was a '
         '{c} {o}. "[It is from my old home|I have had it since I was small]," said {a}. "Let us [play with it|try '
         'it out|show it to {h}]." [Soon {h} came, too, and then all the others.|When {h} heard them laughing, '
         "{hhe} came running.] In the evening nobody was a stranger any more.",
         "[every friend was once a stranger|a kind word is a good beginning]",
         [("Who was the new neighbour?", "{A}."), ("Where did the neighbour live?", "Near {pl}."),
          ("What was in the last trunk?", "A {c} {o}."), ("What did {n} bring?", "Some {f}.")]),
    Plot("being ill",
         "%when {n} was ill and had to stay in bed. [{His} head was hot.|{His} throat hurt.|{He} sneezed and "
         "sneezed.] {H} [brought {him} some {f}|made {him} tea with honey|told {him} to sleep], but {n} was sad. "
         '"Today I wanted to be {p} with my friend," {he} said. Now {his} friend was {an}, and {a} was waiting '
         'there. [An hour went by, and then two.|"Where is {n}?" {ahe} wondered.] %airThen {a} went to see {h} and '
         'heard the news. "If {n} can not come to {pl}," said {a}, "then {pl} must come to {n}!" So {a} [sat down '
         "and painted|ran home and painted] a picture of it, with a {c} {o} in the middle. [{N} looked at it all "
         'day.|It was hung up beside the bed.|"Now I am there," said {n}.] "[And why the {o}|What is the {o} for]?" '
         'asked {n}. "That is waiting for you outside," said {a}. [The next morning {n} was well again.|After three '
         "days {n} was well again.] And outside the door stood a real {c} {o}.",
         "[a good friend is the best medicine|a kind thought can make you well]",
         [("Who was ill?", "{N}."), ("Who painted a picture?", "{A}."),
          ("What stood outside the door?", "A {c} {o}."), ("Where did {n} want to be?", "{P}.")]),
    Plot("a trick",
         "{N} loved to play tricks. %when {he} took a {c} {o} that belonged to {an} and hid it {p}. [{N} giggled "
         'behind a wall.|"This will be funny," {he} thought.] Soon {a} came looking. [{Ahe} looked here, and {ahe} '
         'looked there.|{Ahe} looked everywhere, and grew quieter and quieter.] Then {a} sat down and cried. "[It '
         'was a gift from my father|I have had it all my life|It was all I had]," {ahe} said. Now it was not funny '
         'any more. [{N} felt hot and cold.|{N} wished to be far away.] "What shall I do?" {n} asked {h}. "[You '
         'know it already,|Go and undo it,|What would you want in {ahis} place?]" said {h}. %airSo {n} '
         '[ran|hurried] to {pl}, fetched the {o} and said, "I am sorry. It was me." [{A} looked at {him} for a long '
         'time, and then {ahe} smiled.|"Thank you for telling me," said {a}.] [They ate some {f}, and {n} told '
         '{ahim} a joke instead.|"Next time play a trick that makes us both laugh," said {a}.]',
         "[a joke is good only when everyone can laugh|saying sorry is brave]",
         [("What did {n} hide?", "A {c} {o}."), ("Where did {n} hide the {o}?", "{P}."),
          ("Whose {o} was it?", "It belonged to {a}."), ("Who did {n} ask what to do?", "{H}.")]),
    Plot("a long winter",
         'All summer {n} [played|sang|danced] {p}, while {an} worked. "[Winter will come|Think of the winter]," '
         'said {a}, and {h} said so, too. ["Winter is far away!" said {n}.|But {n} only laughed.|{N} did not '
         "listen.] Then the snow came. [It was so cold that the water froze.|It snowed for a week.] {N} had nothing "
         "left but a {c} {o}, and one can not eat a {o}. [{N} was too proud to ask.|For two days {n} ate nothing.] "
         'On {day} there was a knock at the door. It was {a}, with some {f}. "[I told you so|You did not listen]," '
         'said {a}, "but come in from the cold and eat." They went to {h}, where a fire was burning. [{N} was '
         'ashamed.|{N} did not know what to say.] "[Take my {o}|I give you my {o}]," said {n}. "It is all I have." '
         '"Keep it," said {a}, "and [help me next summer|tell us stories until spring]." [And so {n} did.|And {n} '
         "kept that promise.]",
         "[those who think ahead need not go hungry|good friends help even those who did not listen]",
         [("Who worked all summer?", "{A}."), ("What did {n} have left?", "A {c} {o}."),
          ("Who knocked at the door?", "{A}."), ("Where was {n} all summer?", "{P}.")]),
    Plot("magic",
         '%when {n} was {p} and met {an}. "[You look kind|You have a good face|I have been waiting for you]," said '
         '{a}. "Take this {c} {o}. It is magic. You have three wishes." [{N} could not believe it.|"Really?" asked '
         "{n}.|{N} laughed, but tried it.] First {n} wished for [a mountain of {f}|so much {f} that it filled the "
         "house], and there it was, and soon {he} [had a stomach ache|could eat no more|did not want to see any of "
         "it]. Then {n} wished that the sun would shine all night, and it did, but nobody in the village could "
         'sleep. ["Make it stop!" called {h}.|"Please," said {h}, "we are so tired."] {N} had only one wish left. '
         '[{He} thought about it for a long time.|{He} could have wished for gold.] "I wish that all is as it was '
         'before," said {n}. [And the stars came out.|And the night came back, dark and soft.] The next day {n} '
         '[took the {o} back to {pl}|gave the {o} back]. "[Now you are wise|That was the best wish of all]," said '
         "{a}.",
         "[not every wish makes you happy|things are often good as they are]",
         [("Who gave {n} the {o}?", "{A}."), ("What was magic?", "The {c} {o}."),
          ("How many wishes did {n} have?", "Three."), ("Where did {n} meet {a}?", "{P}.")]),
    Plot("being patient",
         '%when {h} gave {him} a tiny seed. ["Plant it and wait," said {h}.|"This will be something wonderful," '
         "said {h}.] So {n} planted it in a pot and took it to {pl}. [Every day {he} watered it.|{N} looked at it "
         'ten times a day.|{N} sang to it every morning.] But nothing grew. ["It is a bad seed," said {n}.|"How '
         'long must I wait?" {n} groaned.|{N} wanted to throw it away.] {An} [heard it|was listening]. "Do not look '
         'at the pot," said {a}. "Come, help me paint my old {o}. It is to be {c}." %air[They painted and '
         "talked.|It was slow work, and it was fun.] Day after day they worked, until it was done: a beautiful {c} "
         "{o}. [And when {n} looked into the pot again|When {n} went back to the pot], there was a flower, more "
         'beautiful than any {he} had ever seen. ["You see?" said {a}.|{A} winked.] [{N} was %glad and ran to tell '
         "{h}.|{N} called {h}, and they ate some {f} beside the flower.]",
         "[good things take time|waiting is easy when your hands are busy]",
         [("What did {h} give to {n}?", "A tiny seed."), ("Where did {n} take the pot?", "To {pl}."),
          ("What did they paint?", "An old {o}."), ("What colour did they paint the {o}?", "{C}.")]),
    Plot("a letter",
         "%when {he} found a letter {p}. [The rain had washed half of it away.|It was folded very small.|It had no "
         'name on it.] "Please help me," it said. "I have lost my {c} {o}, and I am sad." [{N} read it twice.|"Who '
         'wrote this?" {n} wondered.] {He} showed it to {h}. "[I know this writing|I have seen such letters '
         'before]," said {h}. "Only one in the village writes like that." %airThey went and knocked at a door, and '
         '{an} opened it. ["Did you write this?" asked {n}. {A} nodded.|{A} saw the letter and turned red.] ["I did '
         'not think that anyone would read it," said {a}.|"I did not dare to ask," said {a}.] So {n} went back to '
         "{pl} and looked for the {o} [until it was dark|under every bench and behind every door|all day]. There it "
         "was! [When {a} saw it, {ahe} danced.|{A} held it and could not speak.] The next day there was another "
         'letter. "Thank you," it said, "and come for {f} on {day}."',
         "[it is good to ask for help|a few words can bring people together]",
         [("Where did {n} find the letter?", "{P}."), ("Who wrote the letter?", "{A}."),
          ("What was lost?", "A {c} {o}."), ("Who knew the writing?", "{H}.")]),
    Plot("not being able to sleep",
         "One night {n} could not sleep. [{He} counted sheep, but they would not stand still.|The bed was too warm, "
         "and then it was too cold.|{He} turned left, and {he} turned right.] At last {he} got up and went to {pl}. "
         "[The moon was bright.|The whole village was asleep.|It was so still that one could hear the stars.] {P} "
         'sat {an}. ["Can you not sleep either?" asked {n}.|"You, too?" asked {a}.] "I never sleep," said {a}, '
         '"when I have lost something. My {c} {o} is gone." So they looked for it together, [by the light of the '
         "moon|step by step in the dark]. They saw [a shadow cross the road|a star fall|a light in the window of "
         "{h}]. And then they saw {h}, who was [walking in {hhis} sleep|looking at the moon], and there was the "
         '{o}, right beside {hhim}! "[Oh, I thought it was mine|I found it on the road]," said {h}. [They all '
         "laughed.|{A} was full of joy.] And then they were so tired that they [fell asleep side by side|could "
         "hardly walk home|ate some {f} and slept until noon].",
         "[it is easier to sleep when all is well|the night is less dark when you are not alone]",
         [("Where did {n} go at night?", "To {pl}."), ("What had {a} lost?", "A {c} {o}."),
          ("Who had the {o}?", "{H}.")]),
    Plot("a contest",
         "There was to be a contest {p}: who could [make the best soup|paint the best picture|bake the best "
         "bread|build the best boat]? The prize was a {c} {o}. {N} [wanted it very much|practised for weeks|dreamed "
         "of it every night]. %air[On the great day everyone was there.|Then the day came.|On {day} it began.] {An} "
         '[was the last to begin|stood beside {n}|was trembling]. Suddenly {a} [cried out|went pale]. "I have '
         'forgotten all my things!" said {a}. [{N} could have laughed.|Now {n} was sure to win.|For a moment {n} '
         'said nothing.] But then {he} gave {ahim} half of all {he} had. [So neither of them had quite enough.|"Now '
         'we both have a little," said {n}.] {H} was the judge. {Hhe} [looked at everything|took {hhis} time] and '
         'said, "The winner is {a}." [{N} swallowed hard and clapped.|{N} was the first to clap.] But {a} [shook '
         '{ahis} head|stepped forward]. "Without {n} I had nothing," said {a}, and they [shared the {o}|took the '
         '{o} home together]. [Then everyone ate {f}.|Nobody had ever seen such a thing.|"Then there are two '
         'winners," said {h}.]',
         "[winning together is better than winning alone|being fair is a prize, too]",
         [("What was the prize?", "A {c} {o}."), ("Who was the judge?", "{H}."),
          ("Who had forgotten all {ahis} things?", "{A}."), ("Where was the contest?", "{P}.")]),
    Plot("a mystery",
         'Every night somebody took some {f} from the table, and {n} wanted to know who it was. ["It is a ghost," '
         'said {h}.|"It was not me," said {h}.|"Perhaps you eat in your sleep," said {h}.] So {n} [hid behind the '
         "curtain|stayed awake|made a plan]. In the middle of the night [the door creaked|there were steps], and "
         "somebody took the {f} and went off to {pl}. {N} followed on tiptoe. And who was {p}? It was {an}, with "
         'crumbs on {ahis} chin and a {c} {o}. ["Caught you!" called {n}.|"Now I know," said {n}.] {A} [jumped|hung '
         '{ahis} head]. "[I am sorry|Please do not be angry]," said {a}. "I take it to an old neighbour who can not '
         'walk." [{N} was not angry any more.|Then {n} was quiet for a while.] "[You should have asked|Next time '
         'just ask]," said {n}. Since then {n}, {h} and {a} go there together, and [there is always enough for '
         "everyone|nobody takes anything in secret|the old neighbour is happy].",
         "[things are not always what they seem|it is better to ask than to take]",
         [("What did somebody take every night?", "Some {f}."), ("Who took the {f}?", "{A}."),
          ("Where did {n} follow the thief?", "To {pl}."), ("What did {a} have?", "A {c} {o}.")]),
    Plot("saying goodbye",
         "{N} and {an} had been friends for years. Every {day} they met {p}. [There they talked and laughed.|Nobody "
         'knew so many jokes as {a}.|They did not need many words.] %when {a} said, "I have to go away, far away." '
         '[{N} could not say a word.|"For ever?" asked {n}.|It was as if the sun had gone out.] [All night {n} lay '
         'awake.|{N} told {h} about it and cried.] "[Give {ahim} something to remember you by|A friend who is far '
         'away is still a friend]," said {h}. So {n} gave {a} the best thing {he} had, a {c} {o}. [|A soft wind was '
         "blowing. |It was early, and the road was empty. ][They shared some {f} and looked down the long "
         'road.|They did not say goodbye, only, "See you."|{A} waved until {n} could see {ahim} no more.] The '
         'summer went by. Then, one day, a letter came from {a}. "The {o} stands by my window," it said, "and when '
         'I look at it, [I am {p} again|I can hear you laugh]." And the next spring, who stood at the door? [It was '
         "{a}!|{A}, of course!]",
         "[friends stay friends, even far away|those who part can meet again]",
         [("Who went away?", "{A}."), ("What did {n} give to {a}?", "A {c} {o}."),
          ("Where did they meet every {day}?", "{P}."), ("When did they meet?", "Every {day}.")]),
]

# Short stories of 40 to 70 words: for questions, and for retelling with one thing changed.
MINIS = [
    Plot("a thief",
         "{hero} had a {c} {o}. [One day|On {day}|One night] {an} took it and ran to {pl}. [{N} ran after "
         '{ahim}.|"Stop!" called {n}.|{N} followed.] {P} {a} fell asleep, and {n} took the {o} back. ["Why did you '
         'take it?" {n} asked later. "I only wanted to look at it," said {a}.|But {n} left some {f} there, for {a} '
         "looked hungry.] [So they became friends.|{H} laughed when {hhe} heard it.]",
         "",
         [("Who took the {o}?", "{A}."), ("Where did {a} fall asleep?", "{P}."),
          ("What did {n} have?", "A {c} {o}.")]),
    Plot("good food",
         "{An} lived near {pl} and loved {f} more than anything. [One day|On {day}] {hero} came to visit with a {c} "
         '{o} and some {f}. ["For me?" asked {a}.|{A} could smell it from far away.] [They sat down {p} and ate|{P} '
         'they sat and ate] until nothing was left. ["Keep the {o}, too," said {n}.|Then they looked at the {o} '
         "together.] [Since then they eat together every {day}.|It was the best meal of the year.]",
         "",
         [("Who loved {f}?", "{A}."), ("Where did {a} live?", "Near {pl}."),
          ("What did {n} bring besides the {f}?", "A {c} {o}.")]),
    Plot("going out",
         '{hero} and {an} [went|walked|ran] to {pl}. It was a {w} day. {P} they found a {c} {o}. ["You can have '
         'it," said {n}.|"Let us share it," said {a}.|"Who has lost this?" asked {n}.] [They showed it to {h}, who '
         "smiled.|They took it to {h}, and {hhe} gave them some {f}.] [In the evening they went home, tired and "
         'happy.|"What a day!" said {a}.]',
         "",
         [("What did they find?", "A {c} {o}."), ("Where did they find it?", "{P}."),
          ("Who went with {n}?", "{A}.")]),
    Plot("mending something",
         "{hero} was sad because the {c} {o} was broken. [{An} came by and saw it.|{H} could not help, but {an} had "
         'an idea.] "I can mend it," said {a}. So {a} worked all [day|night] {p}. [It was not easy.|Nobody was '
         "allowed to look.] In the end the {o} was [like new|whole again|better than before], and {n} gave {a} some "
         '{f}. ["You are a master," {he} said.|"Call me any time," said {a}.]',
         "",
         [("What was broken?", "The {c} {o}."), ("Who mended the {o}?", "{A}."), ("Where did {a} work?", "{P}.")]),
    Plot("paying back kindness",
         "Every {day} {hero} went to {pl} and brought {an} some {f}. [Then {n} was ill and had to stay in bed.|But "
         "one day {n} was ill.] [Who knocked at the door? It was {a}|In the evening there was a knock, and there "
         'was {a}], with a {c} {o}. ["Now it is my turn," said {a}.|"Get well soon," said {a}.] [{N} had to smile, '
         "and felt better at once.|The next day {n} was well again.]",
         "",
         [("Who was ill?", "{N}."), ("Where did {n} go every {day}?", "To {pl}."),
          ("What did {a} bring?", "A {c} {o}.")]),
    Plot("crossing over",
         '{hero} wanted to see {h}, but the rain had washed the road away. ["What now?" {he} sighed.|{N} sat down '
         'and waited.] {P} {he} met {an}, who had a {c} {o}. ["With this we can do it," said {a}.|"Two can do more '
         'than one," said {a}.] They [worked|tried and tried] until the way was free. [{H} was waiting with some '
         '{f} for both of them.|"How did you get here?" asked {h}, and gave them some {f}.]',
         "",
         [("Who did {n} want to see?", "{H}."), ("Where did {n} meet {a}?", "{P}."),
          ("What did {a} have?", "A {c} {o}.")]),
    Plot("a song",
         "{P} {an} was singing. [It was the saddest song in the world.|Nobody else was there.] {hero} heard it and "
         'stopped. "Why is your song so sad?" {he} asked. "Because nobody sings with me," said {a}. [So {n} sang, '
         "too.|{N} did not sing well, but {he} sang.] They beat time on a {c} {o}. [Soon {h} came, and then the "
         "whole village.|{H} heard it and came with some {f}.] It was not a sad song any more.",
         "",
         [("Who was singing?", "{A}."), ("Where was {a} singing?", "{P}."),
          ("What did they beat time on?", "A {c} {o}.")]),
    Plot("a gift",
         '{H} had made a {c} {o} and gave it to {hero}. ["It is for you alone," said {h}.|"Take good care of it," '
         'said {h}.] On the way home, {p}, {n} met {an}, who [was crying|looked very sad]. ["Nobody ever gives me '
         'anything," said {a}.|"Today is my birthday, and nobody knows it," said {a}.] {N} thought about it, and '
         'gave {ahim} the {o}. When {h} heard of it, {hhe} [was not angry at all|only smiled]. "Now it has made two '
         'of us happy," said {n}.',
         "",
         [("Who made the {o}?", "{H}."), ("Where did {n} meet {a}?", "{P}."), ("What did {a} get?", "A {c} {o}.")]),
    Plot("the dark",
         "One night all the lights went out. [{hero} called for {h}, but nobody answered.|{hero} could not see a "
         'thing.] Then {he} heard steps. It was {an}. "[Take hold of me|Stay close to me]," said {a}, "I know every '
         'step between here and {pl}." [Step by step|Slowly and carefully] they went. {P} there was a light, and in '
         'the light lay a {c} {o}. [They ate some {f} and waited for the sun.|"It has been waiting for us," said '
         "{a}.]",
         "",
         [("Who came in the dark?", "{A}."), ("Where was the light?", "{P}."),
          ("What lay in the light?", "A {c} {o}.")]),
    Plot("a bet",
         '"I can stand still longer than you," said {hero} to {an}. [So they stood {p}, as still as statues.|So '
         "they went to {pl} and stood as still as statues.] The winner was to get a {c} {o}. [An hour went by.|A "
         "fly sat down on {his} nose.|Birds sat down on them.] Then {h} came and [told a joke|asked who wanted some "
         '{f}]. {N} [laughed|moved] first. ["Not fair!" {he} called.|"Well done," {he} said.] So {a} won the {o} '
         "{p}[, and shared the fun|].",
         "",
         [("Who won the {o}?", "{A}."), ("Where did they stand?", "{P}."),
          ("What did the winner get?", "A {c} {o}.")]),
    Plot("the rain",
         'It rained and rained. {hero} was on the way to {pl} with a {c} {o}. ["I will be wet to the bone," {he} '
         'said.|Water ran down {his} neck.] Then {an} came along. "[Come with me|There is room for two]," said {a}, '
         '"my house is dry and warm." [There they ate {f} and told stories.|There they sat by the fire, and the {o} '
         "dried, too.] [When the sun came out, neither of them noticed.|{H} found them there in the evening, "
         "laughing.]",
         "",
         [("Where did {n} want to go?", "To {pl}."), ("Who had a dry house?", "{A}."),
          ("What did {n} have?", "A {c} {o}.")]),
    Plot("looking up",
         '{hero} and {h} sat {p} and watched the clouds. ["That cloud looks like a {o}," said {n}.|"There is a '
         'cloud like a {o}," said {n}.] "No, it is {an}," said {h}. [They could not agree.|They looked again.] Then '
         '{a} really came by, and {ahe} was carrying a {c} {o}. [How they laughed!|"We were both right," said {n}.] '
         "[They all ate some {f} and watched the clouds.|{A} lay down beside them.]",
         "",
         [("What did {n} see in the clouds?", "A {o}."), ("Who came by?", "{A}."),
          ("What was {a} carrying?", "A {c} {o}.")]),
]

# What happens next, when a listener asks for more.
NEXT = [
    "The next day {n} and {a} met again. [They {do}.|This time {h} came, too, and they {do}.]",
    "After that, {n} [showed the {o} to {h}|put the {o} in a safe place]. In the evening {he} told everyone about "
    "{a}.",
    "Then it grew dark. {N} went home, ate some {f} and [slept until morning|dreamed of {a}].",
    'Then {h} came. "Tell me all about it," {hhe} said, and {n} told the whole story[ from the beginning|, and then '
    "once more].",
    "On {day} {a} came to visit {n}. [They {do}.|{Ahe} brought some {f}, and they {do}.]",
    'A week later {n} met {a} {p2}. "Do you remember?" asked {a}, and they {do}.',
    "In the end {n} and {h} made a song about it. [Even {a} learned it by heart.|They sang it {p2}.]",
]
DOINGS = ["played until the sun went down", "walked to {pl2} and back", "sang a song together",
          "sat in the sun and laughed", "talked about the {o}", "ate some {f}", "made plans for the summer"]
