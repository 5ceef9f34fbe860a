"""A small shop whose names are easily something else."""

from nlu.names import ATTRIBUTE, BRAND, CATEGORY, NodeNames
from nlu.shop import ShopNames

SHOP = ShopNames(
    nodes=(
        NodeNames(CATEGORY, "hair", ("Hair Care",), n_items=9),
        NodeNames(CATEGORY, "shampoo", ("Shampoos", "洗发水"), n_items=5),
        NodeNames(CATEGORY, "lipstick", ("Lipstick", "口红"), n_items=5),
        NodeNames(CATEGORY, "eyeliner", ("Eyeliner",), n_items=5),
        NodeNames(CATEGORY, "serum", ("Serums", "精华液"), n_items=5),
        NodeNames(CATEGORY, "tea", ("Green Teas", "绿茶"), n_items=5),
        NodeNames(CATEGORY, "face", ("Face",), n_items=9),
        NodeNames(CATEGORY, "cream", ("Creams",), n_items=9),
        NodeNames(CATEGORY, "bags", ("Bags", "包"), n_items=9),
        NodeNames(CATEGORY, "polish", ("Nail Polish",), n_items=9),
        NodeNames(CATEGORY, "waxes", ("Pomades & Waxes",), n_items=9),
        NodeNames(CATEGORY, "women-coats", ("Outerwear", "外套"), n_items=4),
        NodeNames(CATEGORY, "men-coats", ("Outerwear", "外套"), n_items=4),
        NodeNames(CATEGORY, "women", ("Women", "女装"), n_items=9),
        NodeNames(CATEGORY, "men", ("Men", "男装"), n_items=9),
        NodeNames(BRAND, "loreal", ("L'Oréal Paris",), n_items=9),
        NodeNames(BRAND, "paris", ("Paris",), n_items=2),
        NodeNames(BRAND, "elf", ("e.l.f. Cosmetics",), n_items=3),
        NodeNames(BRAND, "HP", ("HP",), n_items=2),
        NodeNames(BRAND, "It", ("It",), n_items=2),
        NodeNames(BRAND, "4711", ("4711",), n_items=2),
        NodeNames(BRAND, "Clean", ("Clean",), ordinary=True, n_items=2),
        NodeNames(BRAND, "Lancôme", ("Lancôme", "兰蔻"), n_items=2),
        NodeNames(BRAND, "revlon", ("Revlon",), n_items=2),
        NodeNames(BRAND, "ivory", ("Ivory",), n_items=2),
        NodeNames(ATTRIBUTE, "colour:red", ("red", "红色"), n_items=4),
        NodeNames(ATTRIBUTE, "size:42", ("42",), n_items=4),
        NodeNames(ATTRIBUTE, "ingredient:green tea", ("green tea", "绿茶"), n_items=4),
    ),
    ancestors={
        "shampoo": frozenset({"hair"}),
        "women-coats": frozenset({"women"}),
        "men-coats": frozenset({"men"}),
    },
    title_words=frozenset({"clean", "paris"}),
)
