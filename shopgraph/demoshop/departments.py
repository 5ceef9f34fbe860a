"""The departments of the demo shop: category trees, prices, and which attributes make sense where.

Several words in one string are split at spaces; a hyphen inside a word stands for a space
("stainless-steel"). Every word has its Chinese in `words.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Leaf:
    """A kind of product: `path` below the department, the noun in titles, median price in euro.

    `path_zh` has as many parts as `path`. `material` names what items of this kind are made of
    (for books the format, for groceries the origin, for beauty the ingredient).
    `season` is "" for things that sell all year; `sized` is false where one size fits all.
    """

    path: str
    noun: str
    path_zh: str
    price: float
    material: str
    season: str = ""
    sized: bool = True


@dataclass(frozen=True)
class Department:
    """A branch of the category tree; an empty string means that the attribute makes no sense here.

    `kids_sizes` takes the place of `sizes` for kids.
    """

    name: str
    name_zh: str
    code: str
    styles: str
    audiences: str
    sizes: str
    tags: str
    leaves: tuple[Leaf, ...]
    colours: str = ""
    style_key: str = "style"
    material_key: str = "material"
    kids_sizes: str = ""


_WARDROBE = "black white navy cream grey camel burgundy olive sky-blue blush"
_HOUSEHOLD = "white cream sage terracotta navy black mustard sky-blue"
_MAKERS_TAGS = "gift-idea handmade recycled easy-care limited-edition small-workshop"

WOMEN = Department(
    "Women",
    "女装",
    "WOM",
    "minimalist classic vintage elegant bohemian playful",
    "women teens",
    "XS S M L XL",
    _MAKERS_TAGS,
    (
        Leaf("Dresses/Midi Dresses", "midi dress", "连衣裙/中长连衣裙", 89, "cotton linen silk", "summer"),
        Leaf("Dresses/Shirt Dresses", "shirt dress", "连衣裙/衬衫裙", 79, "cotton linen denim", "spring"),
        Leaf("Dresses/Evening Dresses", "evening dress", "连衣裙/晚礼裙", 169, "silk satin velvet"),
        Leaf("Knitwear/Cardigans", "cardigan", "针织衫/开衫", 75, "wool cashmere cotton", "autumn"),
        Leaf("Knitwear/Turtlenecks", "turtleneck", "针织衫/高领毛衣", 85, "wool cashmere", "winter"),
        Leaf("Outerwear/Trench Coats", "trench coat", "外套/风衣", 189, "cotton wool", "autumn"),
        Leaf("Outerwear/Blazers", "blazer", "外套/西装外套", 139, "wool linen velvet"),
        Leaf("Bags/Tote Bags", "tote bag", "包袋/托特包", 95, "leather cotton suede", sized=False),
        Leaf("Bags/Shoulder Bags", "shoulder bag", "包袋/单肩包", 120, "leather suede satin", sized=False),
    ),
    _WARDROBE,
)

MEN = Department(
    "Men",
    "男装",
    "MEN",
    "minimalist classic vintage sporty rugged",
    "men teens",
    "S M L XL XXL",
    _MAKERS_TAGS,
    (
        Leaf("Shirts/Oxford Shirts", "Oxford shirt", "衬衫/牛津纺衬衫", 65, "cotton linen"),
        Leaf("Shirts/Overshirts", "overshirt", "衬衫/衬衫夹克", 95, "cotton wool denim", "autumn"),
        Leaf("Shirts/Polo Shirts", "polo shirt", "衬衫/保罗衫", 49, "cotton linen", "summer"),
        Leaf("Trousers/Chinos", "chinos", "裤装/休闲裤", 75, "cotton linen"),
        Leaf("Trousers/Jeans", "jeans", "裤装/牛仔裤", 85, "denim"),
        Leaf("Outerwear/Parkas", "parka", "外套/派克大衣", 199, "cotton nylon", "winter"),
        Leaf(
            "Outerwear/Bomber Jackets", "bomber jacket", "外套/飞行夹克", 149, "leather nylon suede", "spring"
        ),
        Leaf("Accessories/Belts", "belt", "配饰/皮带", 39, "leather suede"),
        Leaf("Accessories/Scarves", "scarf", "配饰/围巾", 45, "wool cashmere silk", "winter", sized=False),
    ),
    _WARDROBE,
)

SHOES = Department(
    "Shoes",
    "鞋靴",
    "SHO",
    "minimalist classic elegant sporty rugged",
    "women men kids",
    "36 37 38 39 40 41 42 43 44",
    "recycled easy-care waterproof limited-edition small-workshop",
    (
        Leaf("Boots/Chelsea Boots", "Chelsea boots", "靴子/切尔西靴", 139, "leather suede", "autumn"),
        Leaf("Boots/Hiking Boots", "hiking boots", "靴子/登山靴", 149, "leather nylon suede", "autumn"),
        Leaf("Boots/Snow Boots", "snow boots", "靴子/雪地靴", 119, "wool nylon leather", "winter"),
        Leaf("Trainers/Running Shoes", "running shoes", "运动鞋/跑鞋", 110, "mesh nylon"),
        Leaf("Trainers/Canvas Trainers", "canvas trainers", "运动鞋/帆布鞋", 65, "canvas cotton", "spring"),
        Leaf("Sandals/Strap Sandals", "strap sandals", "凉鞋/绑带凉鞋", 69, "leather suede cork", "summer"),
        Leaf("Sandals/Espadrilles", "espadrilles", "凉鞋/草编鞋", 55, "canvas linen", "summer"),
        Leaf("Formal/Loafers", "loafers", "正装鞋/乐福鞋", 129, "leather suede velvet"),
        Leaf("Slippers", "slippers", "居家拖鞋", 35, "wool cotton cork", "winter"),
    ),
    _WARDROBE,
    kids_sizes="28 30 32 34",
)

KITCHEN = Department(
    "Kitchen",
    "厨房",
    "KIT",
    "minimalist rustic classic vintage playful",
    "beginners home-cooks professionals",
    "small medium large",
    "gift-idea handmade dishwasher-safe small-workshop recycled",
    (
        Leaf("Cookware/Frying Pans", "frying pan", "锅具/平底锅", 59, "cast-iron stainless-steel copper"),
        Leaf("Cookware/Casseroles", "casserole", "锅具/炖锅", 119, "cast-iron ceramic copper", "winter"),
        Leaf("Cookware/Woks", "wok", "锅具/炒锅", 65, "cast-iron stainless-steel"),
        Leaf("Tableware/Dinner Plates", "dinner plate", "餐具/餐盘", 24, "ceramic porcelain"),
        Leaf("Tableware/Mugs", "mug", "餐具/马克杯", 16, "ceramic porcelain glass"),
        Leaf("Tableware/Salad Bowls", "salad bowl", "餐具/沙拉碗", 35, "oak ceramic glass", "summer"),
        Leaf("Tea and Coffee/Teapots", "teapot", "茶与咖啡/茶壶", 49, "ceramic cast-iron glass porcelain"),
        Leaf(
            "Tea and Coffee/Coffee Drippers",
            "coffee dripper",
            "茶与咖啡/手冲滤杯",
            32,
            "ceramic glass copper",
        ),
        Leaf("Knives/Chef's Knives", "chef's knife", "刀具/主厨刀", 89, "stainless-steel damascus-steel"),
    ),
    _HOUSEHOLD,
)

GARDEN = Department(
    "Garden",
    "花园",
    "GAR",
    "rustic modern vintage cottage",
    "beginners families professionals",
    "small medium large",
    "weatherproof handmade recycled easy-care gift-idea",
    (
        Leaf("Planting/Plant Pots", "plant pot", "种植/花盆", 28, "clay ceramic zinc", "spring"),
        Leaf("Planting/Raised Beds", "raised bed", "种植/高架种植箱", 139, "oak zinc bamboo", "spring"),
        Leaf("Planting/Seed Trays", "seed tray", "种植/育苗盘", 14, "zinc bamboo clay", "spring"),
        Leaf("Tools/Secateurs", "secateurs", "园艺工具/修枝剪", 34, "stainless-steel cast-iron"),
        Leaf(
            "Tools/Watering Cans",
            "watering can",
            "园艺工具/浇水壶",
            38,
            "zinc copper stainless-steel",
            "summer",
        ),
        Leaf("Tools/Hand Forks", "hand fork", "园艺工具/手叉", 19, "stainless-steel oak"),
        Leaf("Outdoor Living/Lanterns", "lantern", "户外生活/灯笼", 42, "glass zinc bamboo", "autumn"),
        Leaf("Outdoor Living/Benches", "bench", "户外生活/长椅", 229, "oak cast-iron bamboo", "summer"),
        Leaf("Bird Care", "bird feeder", "观鸟用品", 25, "oak zinc glass", "winter"),
    ),
    "white sage terracotta black mustard olive",
)

TOYS = Department(
    "Toys",
    "玩具",
    "TOY",
    "playful classic educational adventurous",
    "toddlers preschoolers schoolchildren",
    "small medium large",
    "gift-idea handmade recycled limited-edition montessori",
    (
        Leaf("Building/Building Blocks", "building blocks", "拼搭/积木", 35, "beech cork recycled-plastic"),
        Leaf("Building/Marble Runs", "marble run", "拼搭/滚珠轨道", 49, "beech recycled-plastic"),
        Leaf("Building/Train Sets", "train set", "拼搭/火车套装", 65, "beech tin", "winter"),
        Leaf("Soft Toys/Teddy Bears", "teddy bear", "毛绒玩具/泰迪熊", 29, "plush cotton wool"),
        Leaf("Soft Toys/Hand Puppets", "hand puppet", "毛绒玩具/手偶", 22, "plush cotton felt"),
        Leaf("Games/Jigsaw Puzzles", "jigsaw puzzle", "游戏/拼图", 18, "cardboard beech", "winter"),
        Leaf("Games/Board Games", "board game", "游戏/桌游", 32, "cardboard beech"),
        Leaf("Outdoor Play/Kites", "kite", "户外玩具/风筝", 24, "nylon cotton", "autumn"),
        Leaf(
            "Outdoor Play/Sand Toys",
            "sand toy set",
            "户外玩具/沙滩玩具",
            17,
            "recycled-plastic tin",
            "summer",
        ),
    ),
    "red sky-blue mustard sage white orange",
)
