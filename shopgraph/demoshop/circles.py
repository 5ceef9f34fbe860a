"""The planted tastes: twenty circles of shoppers, each with its departments, looks and price level.

To change what the demo shop's people like, change this table; `docs/demo-shop.md` says how.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Circle:
    """What people of one circle like.

    `likes` are attribute values of any key ("ceramic", "sage", "rose") and tags, split at spaces, a
    hyphen for a space. `price_level` is in standard deviations above what such a product costs.
    `cities` is where most of them live.
    """

    name: str
    departments: str
    likes: str
    price_level: float
    cities: str


CIRCLES = (
    Circle("quiet kitchen", "Kitchen Grocery", "ceramic oak white sage minimalist handmade", 0.4, "Aarhus"),
    Circle("trail and tent", "Sports Shoes", "nylon mesh orange black sporty waterproof", 0.5, "Bergen"),
    Circle("silk and roses", "Women Beauty", "silk satin blush burgundy elegant rose", 1.0, "Hangzhou"),
    Circle("cottage garden", "Garden Books", "clay terracotta cottage rustic weatherproof", 0.0, "Bath"),
    Circle("playroom", "Toys Books", "beech mustard sky-blue playful toddlers montessori", 0.0, "Utrecht"),
    Circle(
        "home studio", "Electronics Books", "aluminium graphite black professional wireless", 1.0, "Berlin"
    ),
    Circle("dog people", "Pets Shoes", "leather navy classic rugged adult-pets easy-care", 0.2, "Graz"),
    Circle("cat people", "Pets Beauty", "felt grey mustard playful lavender vegan", -0.2, "Chengdu"),
    Circle("gentlemen", "Men Shoes", "wool cashmere camel navy classic leather", 1.2, "Bologna"),
    Circle("street corner", "Men Electronics", "denim white vintage retro students gamers", -0.8, "Lisbon"),
    Circle(
        "slow morning",
        "Sports Beauty",
        "cork natural-rubber sage minimalist unscented organic",
        0.2,
        "Lisbon",
    ),
    Circle(
        "italian table",
        "Kitchen Grocery",
        "copper cast-iron terracotta rustic Italy gourmets",
        0.6,
        "Bologna",
    ),
    Circle("tea house", "Grocery Kitchen", "porcelain China Japan floral classic glass", 0.5, "Hangzhou"),
    Circle(
        "night players", "Electronics Toys", "recycled-plastic black orange gamers wireless", -0.3, "Berlin"
    ),
    Circle("winter folk", "Women Shoes", "wool cashmere cream grey minimalist", 0.7, "Bergen"),
    Circle("long summer", "Women Beauty", "linen cotton white bohemian citrus refillable", -0.6, "Valencia"),
    Circle("family outdoors", "Sports Toys", "canvas olive kids adventurous recycled-plastic", -0.4, "Graz"),
    Circle("crime by the fire", "Books Grocery", "gripping paperback smoky nutty adults", -0.7, "Bath"),
    Circle("balcony green", "Garden Pets", "bamboo zinc modern sage recycled", -0.2, "Chengdu"),
    Circle("young parents", "Toys Men", "plush cotton red sage gift-idea classic", -0.9, "Utrecht"),
)

CIRCLE_INDEX = {circle.name: k for k, circle in enumerate(CIRCLES)}
