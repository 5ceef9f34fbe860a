// The console page: pick a shopper, see the list and why, click "bought this" and see what moves.
import * as api from './api.js';
import { drawPaths } from './graph.js';
import { WORDS } from './words.js';

const PARTS = ['graph', 'item_item', 'features', 'text', 'rules'];
const state = { language: 'en', userId: null, words: '', list: null, itemId: null, drawn: null };
const $ = id => document.getElementById(id);
const words = () => WORDS[state.language];

// Titles are the shop's data: they enter the page as text only, never as markup.
function make(tag, { text, className, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

const fixed = value => value.toFixed(3);

async function guarded(work) {
  $('status').className = '';
  $('status').textContent = words().busy;
  document.body.setAttribute('aria-busy', 'true');
  try {
    await work();
    if ($('status').textContent === words().busy) $('status').textContent = '';
  } catch (error) {
    $('status').className = 'error';
    $('status').textContent = error.message;
  } finally {
    document.body.removeAttribute('aria-busy');
  }
}

async function showPeople() {
  const { users } = await api.users($('who').value);
  $('people').replaceChildren(...users.map(user => {
    const button = make('button', { type: 'button' }, make('span', { text: user.name || user.user_id }),
      make('span', { text: String(user.n_interactions), className: 'meta' }));
    button.dataset.userId = user.user_id;
    button.setAttribute('aria-pressed', String(user.user_id === state.userId));
    button.addEventListener('click', () => guarded(() => choose(user.user_id)));
    return make('li', {}, button);
  }));
  return users;
}

async function choose(userId) {
  Object.assign(state, { userId, words: '', itemId: null });
  $('words').value = '';
  $('moves').hidden = true;
  for (const button of $('people').querySelectorAll('button')) {
    button.setAttribute('aria-pressed', String(button.dataset.userId === userId));
  }
  await Promise.all([showHistory(), showList()]);
  await showWhy(state.list.items[0]?.item_id);
}

async function showHistory() {
  const { history } = await api.user(state.userId);
  $('history').replaceChildren(...history.map(entry => {
    const when = entry.time ? new Date(entry.time).toLocaleDateString(state.language) : '';
    return make('li', {}, make('span', { text: entry.title }), make('p', { className: 'meta', text: `${words().events[entry.event] ?? entry.event} ${when}` }));
  }));
  if (!history.length) $('history').append(make('li', { text: words().none }));
}

async function showList() {
  const list = state.words ? await api.search(state.words, state.userId, state.language) : await api.recommend(state.userId, state.language);
  state.list = list;
  const widest = Math.max(...list.items.map(item => PARTS.reduce((sum, part) => sum + Math.abs(item.score_parts[part]), 0)), 1e-9);
  $('items').replaceChildren(...list.items.map(item => itemRow(item, widest)));
  if (!list.items.length) $('items').append(make('li', { text: words().empty }));
  const notes = [list.fallback_reason && words().fallback(list.fallback_reason), list.shortfall_reason && words().shortfall(list.shortfall_reason)];
  $('status').textContent = notes.filter(Boolean).join(' ');
  return list;
}

function itemRow(item, widest) {
  const title = make('button', { type: 'button', className: 'title', text: item.title || item.item_id });
  title.addEventListener('click', () => guarded(() => showWhy(item.item_id)));
  const bars = make('div', { className: 'bars' });
  bars.setAttribute('role', 'img');
  bars.setAttribute('aria-label', PARTS.map(part => `${words().parts[part]} ${fixed(item.score_parts[part])}`).join(', '));
  for (const part of PARTS) {
    const value = item.score_parts[part];
    if (!value) continue;
    const bar = make('div', { className: `bar ${part}-part${value < 0 ? ' negative' : ''}`, title: `${words().parts[part]} ${fixed(value)}` });
    bar.dataset.part = part;
    bar.style.width = `${(100 * Math.abs(value)) / widest}%`;
    bars.append(bar);
  }
  const bought = make('button', { type: 'button', className: 'bought', text: words().bought });
  bought.addEventListener('click', () => guarded(() => buy(item)));
  const row = make('li', {},
    make('div', { className: 'head' }, make('span', { className: 'rank', text: String(item.rank) }), title, make('span', { className: 'score', text: fixed(item.score) })),
    bars,
    make('div', { className: 'foot' }, make('p', { text: item.reasons[0]?.text ?? '' }), bought));
  row.dataset.itemId = item.item_id;
  return row;
}

async function showWhy(itemId) {
  if (state.drawn) state.drawn.destroy();
  state.drawn = null;
  state.itemId = itemId ?? null;
  $('shares').hidden = !itemId;
  $('why-title').textContent = words().pick;
  for (const row of $('items').children) {
    if (row.dataset.itemId === itemId) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
  }
  if (!itemId) return;
  const explanation = await api.explain(state.userId, itemId, state.language, state.words);
  $('why-title').textContent = explanation.title + (explanation.no_path ? ` — ${words().noPath}` : '');
  $('shares').tBodies[0].replaceChildren(...explanation.reasons.map(reason => make('tr', {},
    make('td', {}, make('span', { className: `swatch ${reason.part}-part` }), words().parts[reason.part]),
    make('td', { text: fixed(reason.share) }), make('td', { text: reason.text }))));
  $('shares').tFoot.rows[0].cells[1].textContent = fixed(explanation.score);
  $('graph').hidden = explanation.no_path;
  if (!explanation.no_path) state.drawn = drawPaths($('graph'), explanation);
}

async function buy(item) {
  const before = state.list;
  const result = await api.post({ event_id: crypto.randomUUID(), event: 'purchase', user_id: state.userId, item_id: item.item_id, time: new Date().toISOString(), value: 1 });
  if (result.n_rejected) throw new Error(result.results[0].errors.map(error => error.reason).join('; '));
  await Promise.all([showHistory(), showList()]);
  $('status').textContent = words().noted(item.title);
  await showMoves(before, state.list, item);
  await showWhy(state.list.items[0]?.item_id);
}

// What moved and why: the shares of the new score that the new purchase carries.
async function showMoves(before, after, bought) {
  const old = new Map(before.items.map(item => [item.item_id, item.rank]));
  const moved = after.items.filter(item => old.get(item.item_id) !== item.rank);
  const lines = await Promise.all(moved.slice(0, 6).map(async item => {
    const { reasons } = await api.explain(state.userId, item.item_id, state.language, state.words);
    const carried = reasons.filter(reason => reason.path[0]?.id === bought.item_id).reduce((sum, reason) => sum + reason.share, 0);
    const was = old.get(item.item_id);
    const [className, mark] = was === undefined ? ['up', words().entered] : was > item.rank ? ['up', `▲ ${was} → ${item.rank}`] : ['down', `▼ ${was} → ${item.rank}`];
    const why = Math.abs(carried) >= 0.0005 ? ` · ${words().because(fixed(carried), bought.title)}` : '';
    return make('li', {}, make('span', { className, text: mark }), ` ${item.title}${why}`);
  }));
  const present = new Set(after.items.map(item => item.item_id));
  const gone = before.items.filter(item => !present.has(item.item_id));
  lines.push(...gone.map(item => make('li', {}, make('span', { className: 'down', text: words().left }), ` ${item.title}`)));
  $('moves').querySelector('ul').replaceChildren(...(lines.length ? lines : [make('li', { text: words().same })]));
  $('moves').hidden = false;
}

function speak() {
  document.documentElement.lang = state.language;
  for (const element of document.querySelectorAll('[id^="t-"]')) element.textContent = words()[element.id.slice(2)];
  $('legend').replaceChildren(...PARTS.map(part => make('span', {}, make('span', { className: `swatch ${part}-part` }), words().parts[part])));
}

$('language').addEventListener('change', event => guarded(async () => {
  state.language = event.target.value;
  speak();
  if (state.userId === null) return;
  await Promise.all([showHistory(), showList()]);
  await showWhy(state.itemId ?? state.list.items[0]?.item_id);
}));
$('who').addEventListener('input', () => guarded(showPeople));
$('search').addEventListener('submit', event => {
  event.preventDefault();
  guarded(async () => {
    state.words = $('words').value.trim();
    $('moves').hidden = true;
    await showList();
    await showWhy(state.list.items[0]?.item_id);
  });
});

speak();
guarded(async () => {
  const { model_version } = await api.health();
  $('model').textContent = words().model(model_version);
  const users = await showPeople();
  if (users.length) await choose(users[0].user_id);
});
