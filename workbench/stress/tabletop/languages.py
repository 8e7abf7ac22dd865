"""The axis of languages: one question in English, German, French, Spanish and Chinese, by grammar templates of our own.

Checked: the noun of a category is a name or keyword of an emoji of it in that language in Unicode's CLDR annotations
48.2, but for the French and Spanish cup (tasse, taza), the Spanish ball (pelota) and the Chinese cup, whose emojis show
something narrower; and every form of every word that the templates write is in the Hunspell dictionary of its language
(igerman98, Dicollecte, RLA-ES), but for Bleistift and Sanduhr, which are compounds there and are in CLDR. Genders and
plurals are written out, not derived. No native speaker has read them.
"""

from dataclasses import dataclass

import numpy as np

from workbench.plugins.perturbations import Question, generated_axis
from workbench.stress.tabletop.drawn import ask, other_colours, others, pair, places, seed, thing
from workbench.tabletop.composing import compose
from workbench.tabletop.vocabulary import CATEGORIES
from workbench.tabletop.wording import pick


@dataclass(frozen=True)
class Noun:
    """A noun with its gender (`m`, `f`, `n`; empty in Chinese)."""

    gender: str
    one: str
    many: str


def _nouns(text: str) -> dict[str, Noun]:
    """`category gender one many`, separated by commas, in a line each."""
    rows = [line.split(",") for line in text.split("\n") if line]
    return {category.strip(): Noun(gender.strip(), one.strip(), many.strip()) for category, gender, one, many in rows}


GERMAN = _nouns("""
mug,f,Tasse,Tassen
bottle,f,Flasche,Flaschen
apple,m,Apfel,Äpfel
banana,f,Banane,Bananen
pear,f,Birne,Birnen
book,n,Buch,Bücher
pencil,m,Bleistift,Bleistifte
ball,m,Ball,Bälle
die,m,Würfel,Würfel
kite,m,Drachen,Drachen
candle,f,Kerze,Kerzen
lamp,f,Lampe,Lampen
clock,f,Uhr,Uhren
hourglass,f,Sanduhr,Sanduhren
""")
FRENCH = _nouns("""
mug,f,tasse,tasses
bottle,f,bouteille,bouteilles
apple,f,pomme,pommes
banana,f,banane,bananes
pear,f,poire,poires
book,m,livre,livres
pencil,m,crayon,crayons
ball,f,balle,balles
die,m,dé,dés
kite,m,cerf-volant,cerfs-volants
candle,f,bougie,bougies
lamp,f,lampe,lampes
clock,f,horloge,horloges
hourglass,m,sablier,sabliers
""")
SPANISH = _nouns("""
mug,f,taza,tazas
bottle,f,botella,botellas
apple,f,manzana,manzanas
banana,m,plátano,plátanos
pear,f,pera,peras
book,m,libro,libros
pencil,m,lápiz,lápices
ball,f,pelota,pelotas
die,m,dado,dados
kite,f,cometa,cometas
candle,f,vela,velas
lamp,f,lámpara,lámparas
clock,m,reloj,relojes
hourglass,m,reloj de arena,relojes de arena
""")
CHINESE = {
    "mug": "杯子",
    "bottle": "瓶子",
    "apple": "苹果",
    "banana": "香蕉",
    "pear": "梨",
    "book": "书",
    "pencil": "铅笔",
    "ball": "球",
    "die": "骰子",
    "kite": "风筝",
    "candle": "蜡烛",
    "lamp": "灯",
    "clock": "时钟",
    "hourglass": "沙漏",
}
# German stems, before the endings; French and Spanish: masculine and feminine, one and many
GERMAN_COLOURS = {
    "red": "rot",
    "orange": "orangefarben",
    "yellow": "gelb",
    "green": "grün",
    "blue": "blau",
    "purple": "violett",
    "pink": "rosafarben",
    "black": "schwarz",
}
FRENCH_COLOURS = {
    "red": ("rouge", "rouge", "rouges", "rouges"),
    "orange": ("orange", "orange", "orange", "orange"),
    "yellow": ("jaune", "jaune", "jaunes", "jaunes"),
    "green": ("vert", "verte", "verts", "vertes"),
    "blue": ("bleu", "bleue", "bleus", "bleues"),
    "purple": ("violet", "violette", "violets", "violettes"),
    "pink": ("rose", "rose", "roses", "roses"),
    "black": ("noir", "noire", "noirs", "noires"),
}
SPANISH_COLOURS = {
    "red": ("rojo", "roja", "rojos", "rojas"),
    "orange": ("naranja", "naranja", "naranja", "naranja"),
    "yellow": ("amarillo", "amarilla", "amarillos", "amarillas"),
    "green": ("verde", "verde", "verdes", "verdes"),
    "blue": ("azul", "azul", "azules", "azules"),
    "purple": ("morado", "morada", "morados", "moradas"),
    "pink": ("rosa", "rosa", "rosa", "rosa"),
    "black": ("negro", "negra", "negros", "negras"),
}
CHINESE_COLOURS = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "black": "黑色",
}


def english(noun: str, colour: str, many: bool) -> str:
    """ "Segment the red mug." """
    return f"Segment all {colour} {CATEGORIES[noun].plural}." if many else f"Segment the {colour} {noun}."


def german(noun: str, colour: str, many: bool) -> str:
    """ "Markiere den roten Apfel." In the accusative, with the weak ending of the adjective."""
    word, stem = GERMAN[noun], GERMAN_COLOURS[colour]
    if many:
        return f"Markiere alle {stem}en {word.many}."
    article, ending = {"m": ("den", "en"), "f": ("die", "e"), "n": ("das", "e")}[word.gender]
    return f"Markiere {article} {stem}{ending} {word.one}."


def french(noun: str, colour: str, many: bool) -> str:
    """ "Segmente l'horloge rouge." """
    word = FRENCH[noun]
    shade = FRENCH_COLOURS[colour][2 * many + (word.gender == "f")]
    if many:
        return f"Segmente {'toutes' if word.gender == 'f' else 'tous'} les {word.many} {shade}."
    article = "l'" if word.one[0] in "aeiouh" else "la " if word.gender == "f" else "le "
    return f"Segmente {article}{word.one} {shade}."


def spanish(noun: str, colour: str, many: bool) -> str:
    """ "Segmenta la taza roja." """
    word = SPANISH[noun]
    shade = SPANISH_COLOURS[colour][2 * many + (word.gender == "f")]
    if many:
        return f"Segmenta {'todas las' if word.gender == 'f' else 'todos los'} {word.many} {shade}."
    return f"Segmenta {'la' if word.gender == 'f' else 'el'} {word.one} {shade}."


def chinese(noun: str, colour: str, many: bool) -> str:
    """ "请分割红色的杯子。" """
    return f"请分割{'所有' if many else ''}{CHINESE_COLOURS[colour]}的{CHINESE[noun]}。"


SAID = {"English": english, "German": german, "French": french, "Spanish": spanish, "Chinese": chinese}


@generated_axis("Language", tuple(SAID), same_answer=True)
def language(size: int, level: str, rng: np.random.Generator) -> Question:
    """One to three red mugs beside one of another colour and other objects, asked for in five languages."""
    words, surface = pair(rng), seed(rng)
    count = int(rng.integers(1, 4))
    cells = places(rng, 4, 3)
    wanted = [thing(rng, words, cells[i], 26) for i in range(3)][:count]
    twin = thing(rng, (words[0], pick(rng, other_colours(words[0], (words[1],)))), cells[3], 26)
    rest = [thing(rng, w, cells[4 + i], 26) for i, w in enumerate(others(rng, 3, *words))]
    text = SAID[level](*words, count > 1)
    return ask(compose([*wanted, twin, *rest], surface, size), text, range(count), "language", words)
