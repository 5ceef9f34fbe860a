// What moved in a list after a purchase, and why: the change of each score, and the new purchase's own share of it.
import * as api from './api.js';
import { make, named } from './dom.js';
import { inShort } from './graph.js';

const DEEP = 200, N_CARRIED = 3;

// The places and score parts of everything near the top, for a comparison later.
export async function standing(question) {
  const { items } = await api.list(question, DEEP, 0);
  return new Map(items.map(item => [item.item_id, item]));
}

// Marks such as { className: 'up', text: '▲ 12' } for the rows of a list, by item id.
export function marks(before, items, words) {
  const places = new Map();
  for (const item of items) {
    const was = before.get(item.item_id)?.rank;
    if (was === item.rank) continue;
    if (was === undefined) places.set(item.item_id, { className: 'up', text: words.entered });
    else places.set(item.item_id, { className: was > item.rank ? 'up' : 'down', text: `${was > item.rank ? '▲' : '▼'} ${Math.abs(was - item.rank)}` });
  }
  return places;
}

// One line for each item that moved, those whose score changed most first; then what fell out of the list.
export async function moveLines(question, before, shown, items, bought, words) {
  const after = await standing(question);
  const change = item => item.score - (before.get(item.item_id)?.score ?? 0);
  const moved = items.filter(item => before.get(item.item_id)?.rank !== item.rank).sort((a, b) => change(b) - change(a));
  const lines = await Promise.all(moved.map(item => line(question, before.get(item.item_id), item, bought, words)));
  const here = new Set(items.map(item => item.item_id));
  for (const item of shown) {
    if (here.has(item.item_id) || item.item_id === bought.item_id) continue;
    const now = after.get(item.item_id);
    const mark = now ? `▼ ${item.rank} → ${now.rank}` : words.left;
    lines.push(make('li', {}, make('span', { className: 'down', text: mark }), ' ', named(item.title), now ? changes(item, now, words) : ''));
  }
  return lines;
}

async function line(question, was, item, bought, words) {
  const [className, mark] = was === undefined ? ['up', words.entered]
    : was.rank > item.rank ? ['up', `▲ ${was.rank} → ${item.rank}`] : ['down', `▼ ${was.rank} → ${item.rank}`];
  const { reasons } = await api.explain(question, item.item_id);
  const carried = reasons.filter(({ path, share }) => path[0]?.id === bought.item_id && Math.abs(share) >= 0.0005)
    .sort((a, b) => Math.abs(b.share) - Math.abs(a.share)).slice(0, N_CARRIED)
    .map(({ path, part, share }) => `${path.length > 2 ? inShort(path, words) : words.parts[part]} ${signed(share)}`);
  const why = carried.length ? make('p', { className: 'quiet', text: words.carried(carried.join(', ')) }) : '';
  return make('li', {}, make('span', { className, text: mark }), ' ', named(item.title), was ? changes(was, item, words) : '', why);
}

function changes(was, now, words) {
  const parts = Object.keys(now.score_parts)
    .map(part => [part, now.score_parts[part] - was.score_parts[part]])
    .filter(([, value]) => Math.abs(value) >= 0.005)
    .sort(([, a], [, b]) => Math.abs(b) - Math.abs(a));
  if (!parts.length) return make('p', { className: 'quiet', text: words.room });
  const told = parts.map(([part, value]) => `${words.parts[part]} ${signed(value)}`).join(', ');
  return make('p', { className: 'quiet', text: `${words.sum} ${was.score.toFixed(2)} → ${now.score.toFixed(2)}: ${told}` });
}

const signed = value => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(Math.abs(value) < 0.1 ? 3 : 2)}`;
