// The page's own words; names of items and reasons come from the API in the language asked for.
export const WORDS = {
  en: {
    console: 'console', search: 'Search the shop as this shopper', go: 'Search', language: 'Language', shopper: 'Shopper',
    who: 'Name or id', history: 'History', list: 'Ranked items', moves: 'What moved', why: 'Why this item', part: 'Part',
    share: 'Share', reason: 'Reason', sum: 'Score', bought: 'Bought this', none: 'No interactions yet.',
    pick: 'Choose an item to see the paths behind its score.', noPath: 'No graph path stands behind this score.',
    parts: { graph: 'graph', item_item: 'shoppers alike', features: 'features', text: 'words', rules: 'rules' },
    events: { view_item: 'viewed', select_item: 'selected', add_to_cart: 'put in the cart', rate: 'rated', purchase: 'bought' },
    fallback: reason => `Not personal: ${reason.replaceAll('_', ' ')}.`,
    shortfall: reason => `Fewer items than asked for: ${reason.replaceAll('_', ' ')}.`,
    busy: 'Working…', entered: 'new', left: 'gone from the list', same: 'Nothing moved in this list.', empty: 'No items.',
    because: (share, name) => `${share} of its score now comes from “${name}”`, noted: name => `Noted: bought “${name}”.`,
    model: version => `model ${version}`,
  },
  zh: {
    console: '控制台', search: '以该顾客身份搜索', go: '搜索', language: '语言', shopper: '顾客', who: '姓名或编号', history: '历史',
    list: '排序结果', moves: '变化', why: '推荐理由', part: '部分', share: '份额', reason: '理由', sum: '总分', bought: '买了这件',
    none: '暂无记录。', pick: '选择一件商品，查看分数背后的路径。', noPath: '这个分数背后没有图路径。',
    parts: { graph: '图', item_item: '相似顾客', features: '特征', text: '文字', rules: '规则' },
    events: { view_item: '浏览', select_item: '点选', add_to_cart: '加入购物车', rate: '评分', purchase: '购买' },
    fallback: reason => `非个性化结果：${reason}。`, shortfall: reason => `商品数量不足：${reason}。`,
    busy: '处理中…', entered: '新', left: '已不在列表中', same: '列表没有变化。', empty: '没有商品。',
    because: (share, name) => `现在有 ${share} 分来自“${name}”`, noted: name => `已记录：购买“${name}”。`,
    model: version => `模型 ${version}`,
  },
};
