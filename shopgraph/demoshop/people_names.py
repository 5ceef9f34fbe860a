"""Names of the demo shop's people and places."""

from shopgraph.demoshop.words import words

FIRST_NAMES = words(
    "Ada Amir Anna Antoine Asha Ben Carla Clara Daan David Elif Elena Emil Emma Erik Eva Farid Finn Greta "
    "Hanna Hugo Ida Ines Ivan Jana Jonas Julia Karim Klara Lars Laura Leila Leon Lina Luca Maja Marco Maria "
    "Marta Max Mia Mila Mona Nadia Nils Nina Noah Nora Omar Oskar Paula Pedro Petra Rosa Ruth Sami Sara "
    "Selma Simon Sofia Tariq Theo Tomas Vera Yusuf Zoe"
)
LAST_NAMES = words(
    "Abadi Almeida Andersen Bauer Becker Berg Bianchi Brandt Castro Conti Costa Dahl Demir Dubois Eriksen "
    "Fischer Fontana Garcia Gruber Haas Hansen Hoffmann Horvat Ivanov Jansen Kaya Keller Kovac Lange Larsen "
    "Lopez Marino Martin Meyer Moreau Moretti Nielsen Novak Okafor Olsen Pereira Peters Popov Ricci Romano "
    "Rossi Santos Schmidt Silva Sommer Suzuki Taylor Torres Vargas Visser Vogel Walker Weber Winter Yilmaz"
)
SURNAMES_ZH = words(
    "王 李 张 刘 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 高 林 罗 郑 梁 谢 宋 唐 许 邓 冯 韩 曹 曾"
)
GIVEN_NAMES_ZH = words(
    "子涵 雨桐 梓萱 浩然 欣怡 宇轩 思远 佳琪 文博 晓雯 志强 丽华 建国 秀英 明轩 静怡 俊杰 雪梅 "
    "天佑 若曦 海燕 春梅 国栋 嘉豪 诗涵 一诺 安然 书瑶 景行 沐阳"
)

PLACES = {
    "Aarhus": ("奥胡斯", "DK"),
    "Bath": ("巴斯", "GB"),
    "Bergen": ("卑尔根", "NO"),
    "Berlin": ("柏林", "DE"),
    "Bologna": ("博洛尼亚", "IT"),
    "Chengdu": ("成都", "CN"),
    "Graz": ("格拉茨", "AT"),
    "Hangzhou": ("杭州", "CN"),
    "Lisbon": ("里斯本", "PT"),
    "Utrecht": ("乌得勒支", "NL"),
    "Valencia": ("瓦伦西亚", "ES"),
}
"""Place → its Chinese name and its country's code."""
