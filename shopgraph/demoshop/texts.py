"""Titles and descriptions in English and Chinese; they name every attribute that tastes are about."""

import numpy as np

from shopgraph.demoshop.brands import BRANDS, ODD_BRAND, ODD_BRAND_ZH
from shopgraph.demoshop.catalogue import Item
from shopgraph.demoshop.words import BOOK_FIRST, BOOK_SECOND, LINES, TAGS, in_chinese

ODD_TITLES = (
    "<script>alert(1)</script> {title}",
    '<img src=x onerror="alert(1)"> {title}',
    "\"{title}\" – the 'original' & only; 100% O'Brien",
    "🎁🧸 {title} 🫖👩‍👩‍👧",
    "إبريق تقليدي {title}",
    "\u202e{title}\u202c – קומקום",
    "</title></script><svg onload=alert(1)> {title}",
    '=HYPERLINK("http://example.invalid","{title}")',
    "{{{{7*7}}}} ${{7*7}} %s %00 {title}",
    "'; DROP TABLE items; -- {title}",
    "javascript:alert(1) `{title}` \\ \\n",
    "Ṱ̺̺̕o͞ ̷i̲̬n̴v̛oke {title}, Größe Ⅻ, ﷽",
)
"""Hostile on purpose: markup, quotes, emoji, right-to-left text, formulas, templates, stacked marks."""


def brand_zh(brand: str) -> str:
    """The brand's Chinese name."""
    return ODD_BRAND_ZH if brand == ODD_BRAND else next(n[brand] for n in BRANDS.values() if brand in n)


def write_texts(items: tuple[Item, ...], rng: np.random.Generator) -> dict[str, list[str]]:
    """The columns title, title_zh, description and description_zh, in the items' order."""
    columns: dict[str, list[str]] = {"title": [], "title_zh": [], "description": [], "description_zh": []}
    n_odd = 0
    for item in items:
        name, name_zh = _name(item, rng)
        title, title_zh = _title(item, name), _title_zh(item, name_zh)
        if item.brand == ODD_BRAND:
            pattern = ODD_TITLES[n_odd % len(ODD_TITLES)]
            title, title_zh = pattern.format(title=title), pattern.format(title=title_zh)
            n_odd += 1
        columns["title"].append(title)
        columns["title_zh"].append(title_zh)
        columns["description"].append(_description(item))
        columns["description_zh"].append(_description_zh(item))
    return columns


def _name(item: Item, rng: np.random.Generator) -> tuple[str, str]:
    """The product line's name, or a book's title, in both languages."""
    if item.department.name != "Books":
        line = tuple(LINES)[rng.integers(len(LINES))]
        return line, LINES[line]
    first, second = (
        tuple(BOOK_FIRST)[rng.integers(len(BOOK_FIRST))],
        tuple(BOOK_SECOND)[rng.integers(len(BOOK_SECOND))],
    )
    return f"The {first} {second}", f"《{BOOK_FIRST[first]}{BOOK_SECOND[second]}》"


def _title(item: Item, name: str) -> str:
    has = item.attributes
    style, noun = has[item.department.style_key], item.leaf.noun
    material = has[item.department.material_key]
    season = f"{has['season']} " if "season" in has else ""
    size = f", {has['size']}" if "size" in has else ""
    audience = has["audience"]
    match item.department.material_key:
        case "format":
            return f"{name} – a {style} {season}{noun} for {audience}, {material} ({item.brand})"
        case "origin":
            return f"{item.brand} {name} {style} {season}{noun} from {material} for {audience}{size}"
        case "ingredient":
            return f"{item.brand} {name} {style} {season}{noun} with {material} for {audience}{size}"
        case _:
            return (
                f"{item.brand} {name} {style} {season}{noun} in {has['colour']} {material}"
                f" for {audience}{size}"
            )


def _title_zh(item: Item, name: str) -> str:
    has = {key: in_chinese(key, value) for key, value in item.attributes.items()}
    style, material = has[item.department.style_key], has[item.department.material_key]
    noun = item.leaf.path_zh.split("/")[-1]
    season, size = has.get("season", ""), f"，{has['size']}" if "size" in has else ""
    brand = brand_zh(item.brand)
    match item.department.material_key:
        case "format":
            return f"{name}{style}的{season}{noun}，{has['audience']}读物，{material}（{brand}）"
        case "origin":
            return f"{brand}“{name}”{material}{season}{style}{noun}，{has['audience']}适用{size}"
        case "ingredient":
            return f"{brand}“{name}”{season}{style}{material}{noun}，{has['audience']}适用{size}"
        case _:
            colour = has["colour"]
            return f"{brand}“{name}”{season}{style}{colour}{material}{noun}，{has['audience']}适用{size}"


def _description(item: Item) -> str:
    has = item.attributes
    style, noun = has[item.department.style_key], item.leaf.noun
    opening = {
        "format": "A {style} {noun} in {material}, published by {brand}.",
        "origin": "{brand} brings this {style} {noun} from {material}.",
        "ingredient": "{brand} makes this {style} {noun} with {material}.",
        "material": "{brand} makes the {style} {noun} of {material}, here in {colour}.",
    }[item.department.material_key]
    first = opening.format(
        style=style,
        noun=noun,
        brand=item.brand,
        material=has[item.department.material_key],
        colour=has.get("colour", ""),
    )
    season = f" At its best in {has['season']}." if "season" in has else ""
    return f"{first}{season} {' '.join(TAGS[tag][1] for tag in item.tags)}"


def _description_zh(item: Item) -> str:
    has = {key: in_chinese(key, value) for key, value in item.attributes.items()}
    style, noun = has[item.department.style_key], item.leaf.path_zh.split("/")[-1]
    opening = {
        "format": "{brand}出品的{style}{noun}，{material}。",
        "origin": "{brand}精选{material}{noun}，{style}浓郁。",
        "ingredient": "{brand}{style}{noun}，含{material}成分。",
        "material": "{brand}{style}风格{noun}，{material}质地，{colour}款。",
    }[item.department.material_key]
    first = opening.format(
        style=style,
        noun=noun,
        brand=brand_zh(item.brand),
        material=has[item.department.material_key],
        colour=has.get("colour", ""),
    )
    season = f"最适合{has['season']}使用。" if "season" in has else ""
    return first + season + "".join(TAGS[tag][2] for tag in item.tags)
