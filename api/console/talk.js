// The dialogue beside the list: turns, the state as chips that can be removed, and the options of a question.
import * as api from './api.js';
import { $, make, named } from './dom.js';

const SLOTS = ['category', 'brand', 'attribute'], VALUES = ['price_min', 'price_max', 'audience', 'sort'];
let dialogue = null;

export function forgetDialogue() {
  dialogue = null;
  for (const id of ['chips', 'turns', 'options']) $(id).replaceChildren();
  $('said').value = '';
}

// Sends a turn for the shopper, shows it and gives it back. `act` is called with what a chip or an option sends.
export async function takeTurn({ userId, language }, sent, words, act) {
  dialogue ??= (await api.begin(userId, language)).dialogue_id;
  const turn = await api.turn(dialogue, sent);
  if (sent.text) $('turns').append(make('li', { className: 'mine' }, named(sent.text)));
  $('turns').append(make('li', {}, named(turn.question ? `${turn.answer} ${turn.question.text}` : turn.answer), ...thumbs(dialogue, turn.turn, words)));
  $('turns').parentElement.scrollTop = $('turns').scrollHeight;
  $('chips').replaceChildren(...chips(turn, words).map(([text, edit, name]) => chip(text, edit, name, words, act)));
  $('options').replaceChildren(...(turn.question?.options ?? []).map((option, number) => {
    const button = make('button', { type: 'button', className: 'option' }, named(`${option.name} (${option.count})`));
    button.addEventListener('click', () => act({ option: number }));
    return make('li', {}, button);
  }));
  return turn;
}

// Each chip's text, the edit that removes it, and the words that it is changed from.
function chips({ parsed, narrowed }, words) {
  const found = [], fields = words.fields;
  for (const field of SLOTS) {
    for (const slot of parsed[field]) found.push([`${fields[field]}: ${slot.name}`, { remove: { [field]: [slot.node_id || slot.name] } }, slot.name]);
    for (const slot of parsed.exclude[field]) found.push([words.not(slot.name), { remove: { exclude: { [field]: [slot.node_id || slot.name] } } }, words.not(slot.name)]);
  }
  for (const field of VALUES) if (parsed[field] !== null) found.push([`${fields[field]} ${parsed[field]}`, { replace: { [field]: null } }, `${fields[field]} ${parsed[field]}`]);
  for (const field of ['below', 'above']) if (narrowed[field] !== null) found.push([`${fields[field]} ${narrowed[field]}`, { remove: { narrowed: ['price'] } }]);
  if (narrowed.similar_to !== null) found.push([`${fields.similar_to} ${narrowed.similar_to}`, { remove: { narrowed: ['similar'] } }]);
  return found;
}

function chip(text, edit, name, words, act) {
  const label = make('button', { type: 'button', className: 'cross' }, named(text));
  label.setAttribute('aria-label', words.change(text));
  label.addEventListener('click', () => act({ edit }, name));
  const cross = make('button', { type: 'button', className: 'cross', text: '×' });
  cross.setAttribute('aria-label', words.remove(text));
  cross.addEventListener('click', () => act({ edit }));
  return make('li', { className: 'chip' }, label, cross);
}

function thumbs(dialogueId, number, words) {
  return [['up', '👍', words.helpful], ['down', '👎', words.unhelpful]].map(([which, text, label]) => {
    const button = make('button', { type: 'button', className: 'thumb', text });
    button.setAttribute('aria-label', label);
    button.setAttribute('aria-pressed', 'false');
    button.addEventListener('click', async () => {
      await api.thumbs(dialogueId, number, which).then(() => button.setAttribute('aria-pressed', 'true'), () => {});
    });
    return button;
  });
}
