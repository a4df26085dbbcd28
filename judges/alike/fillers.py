"""Words that may come, go or be written otherwise while a prompt asks the same; chosen by hand.

Their effect is measured in docs/design/leakage.md. Leaves out how texts are cut into words
(`wording`) and which misspellings are seen through (`misspelling`).
"""


def listed(*lines: str) -> frozenset[str]:
    """The words of some lines of text."""
    return frozenset(" ".join(lines).split())


WORDS = listed(
    "a an the teh and adn please plese pleas pelase pls plz kindly thanks thankyou thx",
    "just really very actually basically ",
    "simply also so me ok okay well bitte danke merci gracias grazie obrigado obrigada ",
    "пожалуйста спасибо 좀",
)
"""Single words that are passed over."""

PHRASES = tuple(
    tuple(phrase.split())
    for phrase in (
        *(f"{verb} {you}" for verb in ("can", "could", "would", "will") for you in ("you", "u")),
        *(f"i {want} you to" for want in ("want", "need", "would like")),
        "i'd like you to", "would you mind", "for me", "por favor", "per favore",
        "s'il te plaît", "s'il vous plaît",
    )
)  # fmt: skip
"""Runs of words that are passed over, longest first where one begins another."""

THANKS = ("thank", "you")
"""Passed over where a sentence ends behind it: a thank you note is something to write."""

GREETINGS = listed(
    "hi hello hey greetings dear",
)
"""Passed over where a text begins."""

UNSPACED = listed(
    "你能 您能 你可以 您可以 请问 請問 请 請 麻烦 麻煩 帮我 幫我 帮忙 幫忙 给我 給我",
    "谢谢你 谢谢您 谢谢 謝謝 一下",
    "的 吗 嗎 呢 吧 啊 呀 嘛 了 ",
    "お願いします お願い致します お願いいたします ください 下さい でしょうか ですか ",
    "ครับ ค่ะ คะ นะ หน่อย กรุณา โปรด ช่วย ขอบคุณ ได้ไหม",
)
"""Politeness and particles of scripts without spaces."""

SMALL_TALK = listed(
    "hi hello hey there good morning afternoon evening day how are you your doing today do can ",
    "could i have question some need want help with something to ask is this yes no thank what ",
    "up sup test hola salut bonjour hallo ciao buenos dias olá привет 你 您 好 在 こ ん に ち は ",
    "안녕하세요 안녕 ส ว ั ด ี",
)
"""A first turn of nothing else is no question by which two conversations would be the same."""

COMMON = listed(
    "about after all any are because been before between but by call can come could describe ",
    "different do does each explain find first for form friend from get give go good had has have ",
    "he her here his how if in into is it its language letter like list long made make many may ",
    "more most much my new of on or other our out over people poem question read same say see ",
    "should show some story such summarise summarize tell than that their them then there these ",
    "they thing think this through time to under up use was way we were what when where which ",
    "while white who why will with word work world would write year you your",
)
"""Words so frequent that a word one slip away from one of them is that word misspelt."""

RIGHT = listed(
    "alkane alkene alkyne angel angle bother brother breath breathe bullet ballet carton cartoon",
    "casual causal cavalry calvary censor sensor chlorate chlorite chloride closet closest collage",
    "college complement compliment contest context content contract contrast costume costumer",
    "council counsel county country custom customer desert dessert dependent dependant diary dairy",
    "economic economics employer employee ethane ethene expand expend expect except father farther",
    "form from historic history human humane immoral immortal ingenious ingenuous latter later",
    "lighting lightning loose lose marital martial message massage mitosis meiosis moral morale",
    "nitrate nitrite parent patent personal personnel person phosphate phosphite planet plane",
    "plant poison precede proceed preposition proposition prescribe proscribe principal principle",
    "project protect prosecute persecute quiet quite ratio ration sacred scared scarred silver",
    "sliver singing signing solder soldier stationary stationery statue statute stature status",
    "sulfate sulfite sulfide though thought through thorough trail trial united untied vacation",
    "vocation weather whether",
)
"""Words that are each right and one letter from another of them; by hand, and never all of them."""

OPPOSED = (
    ("macro", "micro"),
    ("hyper", "hypo"),
    ("intra", "inter"),
    ("pre", "pro", "post", "per"),
    ("max", "min"),
    ("over", "under"),
)
"""Beginnings of which one is never the other misspelt."""
