// The console page: pick a shopper, see the list and why, click "bought this" and see what moves.
import * as api from './api.js';
import { $, fill, focusOn, make, named } from './dom.js';
import { marks, moveLines, standing } from './moves.js';
import { forgetDialogue, takeTurn } from './talk.js';
import { clearWhy, redraw, showWhy } from './why.js';
import { bars, legend, PARTS } from './bars.js';
import { WORDS } from './words.js';

const N_ITEMS = 10, N_HISTORY = 8, N_MOVES = 3;
const state = { language: 'en', userId: null, name: '', words: '', list: null, itemId: null };
const words = () => WORDS[state.language];

// One action after the other, so that a slow answer never overwrites a later one.
let queue = Promise.resolve();
function inTurn(work) {
  queue = queue.then(async () => {
    document.body.setAttribute('aria-busy', 'true');
    try {
      await work();
      $('problem').hidden = true;
    } catch (error) {
      $('problem').textContent = error instanceof api.NoAnswer ? words().offline : error.message;
      $('problem').hidden = false;
    }
    document.body.removeAttribute('aria-busy');
  });
  return queue;
}

const say = text => { $('status').textContent = text; };

// --- shoppers ---------------------------------------------------------------------------------

async function showPeople() {
  const { users } = await api.users($('who').value.trim());
  $('people').replaceChildren(...users.map(user => {
    const row = make('li', { className: 'person', tabIndex: -1 }, named(user.name || user.user_id),
      make('span', { className: 'quiet', text: `${user.user_id} · ${words().interactions(user.n_interactions)}` }));
    row.setAttribute('role', 'option');
    row.dataset.userId = user.user_id;
    row.dataset.name = user.name || user.user_id;
    return row;
  }));
  if (!users.length) $('people').append(make('li', { className: 'quiet', text: words().nobody }));
  markPerson();
}

function markPerson() {
  const rows = people();
  rows.forEach(row => row.setAttribute('aria-selected', String(row.dataset.userId === state.userId)));
  // The tab key stops once in the list; arrow keys move inside.
  const stop = rows.find(row => row.dataset.userId === state.userId) ?? rows[0];
  rows.forEach(row => { row.tabIndex = row === stop ? 0 : -1; });
}

const people = () => [...$('people').querySelectorAll('[role="option"]')];

async function choose(row) {
  Object.assign(state, { userId: row.dataset.userId, name: row.dataset.name, words: '', itemId: null });
  $('words').value = '';
  $('moves').hidden = true;
  forgetDialogue();
  markPerson();
  await showAll();
}

// What was done with one item on one day is one line.
async function showHistory() {
  const { history, n_interactions: n } = await api.user(state.userId, state.language);
  const visits = [];
  for (const entry of history) {
    const day = entry.time ? new Date(entry.time).toLocaleDateString(state.language, { day: 'numeric', month: 'short', year: 'numeric' }) : '';
    const did = words().events[entry.event] ?? entry.event, latest = visits[visits.length - 1];
    if (latest?.item_id === entry.item_id && latest.day === day) latest.did.add(did);
    else visits.push({ ...entry, day, did: new Set([did]) });
  }
  const lines = visits.map(({ title, did, day }) => make('li', {}, named(title), make('p', { className: 'quiet', text: [[...did].join(', '), day].filter(Boolean).join(' · ') })));
  $('history-note').textContent = !history.length ? words().none : n > history.length ? words().latest(history.length, n) : words().interactions(n);
  fill($('history'), lines, N_HISTORY, $('history-all'), words().all);
}

// --- the list ---------------------------------------------------------------------------------

async function showList(before = null) {
  drawList(await api.list(state, N_ITEMS, 3), before);
}

function drawList(list, before = null) {
  state.list = list;
  $('list-title').textContent = state.words ? words().found(state.words, state.name) : words().list(state.name);
  const slots = list.parsed ? [...list.parsed.category, ...list.parsed.brand].map(slot => slot.name) : [];
  if (list.parsed?.rest && slots.length) slots.push(`“${list.parsed.rest}”`);
  $('understood').textContent = `${words().understood}: ${slots.join(' + ')}`;
  $('understood').hidden = !slots.length;
  const total = item => Object.values(item.score_parts).reduce((sum, value) => sum + Math.abs(value), 0);
  const widest = Math.max(...list.items.map(total), 1e-9);
  $('legend').replaceChildren(...legend(PARTS.filter(part => list.items.some(item => item.score_parts[part])), words()));
  const moved = before ? marks(before, list.items, words()) : new Map();
  $('items').replaceChildren(...list.items.map(item => itemRow(item, widest, moved.get(item.item_id))));
  if (!list.items.length) $('items').append(make('li', { className: 'quiet', text: words().empty }));
  const reason = name => words().reasons[name] ?? name.replaceAll('_', ' ');
  say([list.fallback_reason && words().fallback(reason(list.fallback_reason)),
    list.shortfall_reason && words().shortfall(reason(list.shortfall_reason))].filter(Boolean).join(' '));
}

function itemRow(item, widest, mark) {
  const title = make('button', { type: 'button', className: 'title' }, named(item.title || item.item_id));
  title.addEventListener('click', () => inTurn(() => why(item.item_id)));
  const bought = make('button', { type: 'button', className: 'bought', text: words().bought });
  bought.setAttribute('aria-label', words().boughtItem(item.title));
  bought.addEventListener('click', () => inTurn(() => buy(item)));
  const told = toldReason(item.reasons);
  const row = make('li', {},
    make('div', { className: 'head' }, make('span', { className: 'rank', text: String(item.rank) }), title,
      make('span', { className: mark?.className ?? '', text: mark?.text ?? '' }), make('span', { className: 'score', text: item.score.toFixed(2) })),
    bars(item.score_parts, widest, words()),
    make('div', { className: 'foot' }, make('p', { text: told?.text ?? '' }), bought));
  row.dataset.itemId = item.item_id;
  return row;
}

// The largest reason; where that is what the graph model learned as a whole, one that names something.
function toldReason(reasons) {
  const [first] = reasons;
  if (first?.part !== 'graph' || first.path.length) return first;
  return reasons.find(({ path }) => path.length > 2) ?? reasons.find(({ path }) => path.length) ?? first;
}

async function why(itemId) {
  state.itemId = itemId ?? null;
  for (const row of $('items').children) {
    if (row.dataset.itemId === itemId) row.setAttribute('aria-current', 'true');
    else row.removeAttribute('aria-current');
  }
  if (itemId === undefined) clearWhy(words());
  else await showWhy(state, itemId, words());
}

// A list that could not be had is not left standing under another shopper's name.
async function showAll() {
  try {
    await showList();
    await why(state.list.items.find(item => item.item_id === state.itemId)?.item_id ?? state.list.items[0]?.item_id);
    await showHistory();
  } catch (error) {
    empty();
    throw error;
  }
}

function empty() {
  $('list-title').textContent = words().ranked;
  $('history-note').textContent = '';
  for (const id of ['items', 'history', 'legend']) $(id).replaceChildren();
  for (const id of ['understood', 'moves', 'history-all']) $(id).hidden = true;
  say('');
  clearWhy(words());
}

// --- what the shopper does --------------------------------------------------------------------

async function buy(item) {
  const shown = state.list;
  const before = await standing(state);
  const result = await api.post({ event_id: freshId(), event: 'purchase', user_id: state.userId, item_id: item.item_id, value: 1, recommendation_id: shown.recommendation_id });
  if (result.n_rejected) throw new Error(result.results[0].errors.map(error => error.reason).join('; '));
  await showList(before);
  say(words().noted(item.title));
  const lines = await moveLines(state, before, shown.items, state.list.items, item, words());
  $('moves-title').textContent = words().moves(item.title);
  const panel = $('moves');
  fill(panel.querySelector('ul'), lines.length ? lines : [make('li', { text: words().same })], N_MOVES, panel.querySelector('button'), words().all);
  panel.hidden = false;
  await why(state.list.items[0]?.item_id);
  await showHistory();
  focusOn($('moves-title'));
}

// crypto.randomUUID exists on secure origins only; a console in the shop's own network may be none.
const freshId = () => `console-${[...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('')}`;

async function search() {
  state.words = $('words').value.trim();
  state.itemId = null;
  $('moves').hidden = true;
  forgetDialogue();
  await showAll();
  if (state.words) await takeTurn(state, { text: state.words }, words(), follow);
}

// --- the dialogue -----------------------------------------------------------------------------

// The list follows the turn; what is bought from it or asked of it is again the shopper's own list.
async function talk(sent) {
  const turn = await takeTurn(state, sent, words(), follow);
  $('said').value = '';
  if (turn.list === null) return;
  const { category, brand, attribute, rest } = turn.parsed;
  Object.assign(state, { words: [...[...category, ...brand, ...attribute].map(slot => slot.name), rest].join(' ').trim(), itemId: null });
  $('moves').hidden = true;
  drawList(turn.list);
  $('list-title').textContent = words().inDialogue(state.name);
  await why(state.list.items[0]?.item_id);
}

// A chip that is to be changed goes, and its words wait in the box to be written anew.
const follow = (sent, text = '') => inTurn(async () => {
  await talk(sent);
  $('said').value = text;
  $('said').focus();
});

function speak() {
  document.documentElement.lang = state.language;
  $('language').value = state.language;
  for (const element of document.querySelectorAll('[id^="t-"]')) element.textContent = words()[element.id.slice(2)];
}

// --- wiring -----------------------------------------------------------------------------------

const STEPS = { ArrowDown: at => at + 1, ArrowUp: at => at - 1, Home: () => 0, End: (at, n) => n - 1 };

$('language').addEventListener('change', event => inTurn(async () => {
  state.language = event.target.value;
  speak();
  $('moves').hidden = true;
  await showPeople();
  if (state.userId !== null) await showAll();
}));
$('who').addEventListener('input', () => inTurn(showPeople));
$('who').addEventListener('keydown', event => {
  if (event.key !== 'ArrowDown' || !people().length) return;
  event.preventDefault();
  moveTo(people()[0]);
});
$('people').addEventListener('click', event => {
  const row = event.target.closest('[role="option"]');
  if (row) inTurn(() => choose(row));
});
$('people').addEventListener('keydown', event => {
  const rows = people(), at = rows.indexOf(event.target);
  if (at < 0) return;
  if (event.key === 'Enter' || event.key === ' ') inTurn(() => choose(rows[at]));
  else if (event.key in STEPS) moveTo(rows[Math.min(Math.max(STEPS[event.key](at, rows.length), 0), rows.length - 1)]);
  else return;
  event.preventDefault();
});

function moveTo(row) {
  people().forEach(other => { other.tabIndex = other === row ? 0 : -1; });
  row.focus();
}

$('search').addEventListener('submit', event => {
  event.preventDefault();
  if (state.userId !== null) inTurn(search);
});
$('say').addEventListener('submit', event => {
  event.preventDefault();
  const text = $('said').value.trim();
  if (state.userId !== null && text) inTurn(() => talk({ text }));
});
$('t-anew').addEventListener('click', () => inTurn(async () => {
  forgetDialogue();
  state.words = '';
  if (state.userId !== null) await showAll();
  $('said').focus();
}));
// The browser's own cross in the search box brings the recommendations back.
$('words').addEventListener('search', () => { if (!$('words').value && state.words) inTurn(search); });
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
addEventListener('resize', redraw);

if (navigator.language.startsWith('zh')) state.language = 'zh';
speak();
empty();
say(words().loading);
inTurn(async () => {
  $('model').textContent = words().model((await api.health()).model_version);
  await showPeople();
  const [first] = people();
  if (first) await choose(first);
  else empty();
});
