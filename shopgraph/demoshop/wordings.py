"""What shoppers call things that titles call otherwise, and how they mistype them."""

import re

import numpy as np

SHARE_OTHER_WORD, SHARE_MISSPELT = 0.3, 0.12
"""How often a word with another name is called by it, and a Latin query has a wrong letter.

Two people choose the same name for a thing in fewer than one of five cases (Furnas et al. 1987, "The
vocabulary problem"), and 10–15 % of web queries hold an error (Cucerzan & Brill 2004): 0.3 is mild, as
shoppers have seen titles, 0.12 is the middle. Both were set before any ranker saw such queries.
"""

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_LONG_WORD = re.compile(r"[A-Za-z]{4,}")

_NOUNS = """
midi dress | mid-length dress | 中长裙
shirt dress | button-down dress | 衬衣式连衣裙
evening dress | ball gown | 礼服
cardigan | knit jacket | 针织外套
turtleneck | roll-neck sweater | 高领衫
trench coat | raincoat | 长款外套
blazer | suit jacket | 西服
tote bag | carryall | 大手提袋
shoulder bag | handbag | 挎包
Oxford shirt | button-down | 男士衬衣
overshirt | shacket | 工装外套
polo shirt | golf shirt | 翻领短袖
chinos | khakis | 卡其裤
jeans | denims | 丹宁裤
parka | winter coat | 棉服
bomber jacket | flight jacket | 棒球外套
scarf | shawl | 围脖
Chelsea boots | ankle boots | 短靴
hiking boots | trekking shoes | 徒步鞋
snow boots | winter boots | 棉靴
running shoes | sneakers | 慢跑鞋
canvas trainers | plimsolls | 布鞋
strap sandals | summer shoes | 罗马凉鞋
espadrilles | rope-soled shoes | 渔夫鞋
loafers | slip-ons | 一脚蹬
slippers | house shoes | 棉拖
frying pan | skillet | 煎锅
casserole | Dutch oven | 汤锅
wok | stir-fry pan | 炒菜锅
dinner plate | dish | 盘子
salad bowl | serving bowl | 大碗
teapot | tea kettle | 泡茶壶
coffee dripper | pour-over cone | 咖啡过滤器
chef's knife | kitchen knife | 菜刀
plant pot | flowerpot | 盆栽容器
raised bed | planter box | 种菜箱
seed tray | propagator | 育苗盒
secateurs | pruning shears | 园艺剪刀
watering can | sprinkler | 洒水壶
hand fork | weeding tool | 松土耙
lantern | garden light | 户外灯
bench | garden seat | 公园椅
bird feeder | bird table | 喂鸟器
building blocks | toy bricks | 拼搭玩具
marble run | marble track | 弹珠滑道
train set | toy railway | 轨道小火车
teddy bear | stuffed animal | 毛绒玩具
hand puppet | glove puppet | 手套玩偶
jigsaw puzzle | puzzle | 益智拼板
board game | family game | 棋牌游戏
sand toy set | bucket and spade | 挖沙工具
crime novel | detective story | 侦探小说
science-fiction novel | space opera | 太空小说
historical novel | period fiction | 古代故事
love story | romance | 言情小说
cookbook | recipes | 菜谱
travel guide | guidebook | 旅游攻略
nature book | wildlife writing | 自然文学
picture book | bedtime stories | 图画书
poetry collection | poems | 诗歌
headphones | over-ear headset | 耳麦
earbuds | in-ears | 耳塞
speaker | loudspeaker | 音响
monitor | computer screen | 电脑屏幕
desk lamp | reading light | 书桌灯
camera | digicam | 照相机
face cream | moisturiser | 保湿霜
serum | essence | 原液
sun cream | sunscreen | 防晒乳
face mask | facial pack | 敷脸
shampoo | hair wash | 洗头水
hair oil | hair serum | 发油
bath salt | bath soak | 泡澡盐
hand soap | hand wash | 香皂
body oil | massage oil | 润肤油
running jacket | jogging windbreaker | 慢跑风衣
running shorts | jogging bottoms | 运动短裤
hydration vest | running pack | 越野跑背包
yoga mat | exercise mat | 健身垫
yoga leggings | workout tights | 健身裤
backpack | rucksack | 双肩包
ski goggles | snow glasses | 雪镜
dog bed | puppy cushion | 狗床
dog lead | leash | 遛狗绳
dog coat | puppy jacket | 狗衣服
chew toy | teething toy | 咬胶
scratching post | cat tree | 猫爬架
cat cave | kitten house | 猫房子
cat wand | teaser stick | 猫玩具棒
pet bowl | feeding dish | 食盆
water fountain | pet drinker | 自动喂水器
coffee beans | whole bean coffee | 咖啡粒
green tea | sencha | 龙井
black tea | breakfast tea | 早餐茶
herbal tea | infusion | 花茶
olive oil | cooking oil | 食用油
spice blend | seasoning | 调味料
pasta | spaghetti | 意面
"""
_COLOURS = """
navy | dark blue | 深蓝
cream | off-white | 奶油色
grey | gray | 银灰
camel | tan | 棕黄
burgundy | wine red | 暗红
olive | khaki green | 军绿
sky blue | light blue | 浅蓝
blush | pale pink | 淡粉
sage | muted green | 灰绿
terracotta | rust | 砖红
mustard | dark yellow | 姜黄
graphite | anthracite | 深灰
"""


def _table(lines: str) -> dict[str, tuple[str, str]]:
    rows = (line.split(" | ") for line in lines.strip().splitlines())
    return {title: (english, chinese) for title, english, chinese in rows}


OTHER_NOUNS = _table(_NOUNS)
"""The noun of a kind of product → what others call it, in English and in Chinese; some have one name."""

OTHER_COLOURS = _table(_COLOURS)
"""The same of colours that have another name."""


def in_other_words(
    said: str, named: str, others: dict[str, tuple[str, str]], chinese: bool, rng: np.random.Generator
) -> str:
    """What a shopper says for a thing that the shop calls `named` in English and `said` in their language."""
    draw = rng.random()
    return others[named][chinese] if named in others and draw < SHARE_OTHER_WORD else said


def mistyped(query: str, rng: np.random.Generator) -> str:
    """The query, now and then with one letter of a longer Latin word lost, doubled, wrong or swapped."""
    draw, words = rng.random(), list(_LONG_WORD.finditer(query))
    if draw >= SHARE_MISSPELT or not words:
        return query
    word = words[rng.integers(len(words))]
    place = int(rng.integers(word.start() + 1, word.end() - 1))
    before, letter, after = query[:place], query[place], query[place + 1 :]
    match int(rng.integers(4)):
        case 0:
            return before + after
        case 1:
            return before + 2 * letter + after
        case 2:
            return before + _LETTERS[rng.integers(len(_LETTERS))] + after
        case _:
            return before + after[0] + letter + after[1:]
