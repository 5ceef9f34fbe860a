// A score as a bar: each part as wide as its absolute value, negative parts hatched.
import { make } from './dom.js';

export const PARTS = ['graph', 'item_item', 'features', 'text', 'rules'];

export function bars(parts, widest, words) {
  const row = make('div', { className: 'bars' });
  row.setAttribute('role', 'img');
  row.setAttribute('aria-label', PARTS.map(part => `${words.parts[part]} ${parts[part].toFixed(3)}`).join(', '));
  for (const part of PARTS.filter(part => parts[part])) {
    const value = parts[part];
    const bar = make('div', { className: `bar ${part}-part${value < 0 ? ' negative' : ''}`, title: `${words.parts[part]} ${value.toFixed(3)}` });
    bar.dataset.part = part;
    bar.style.width = `${(100 * Math.abs(value)) / widest}%`;
    row.append(bar);
  }
  return row;
}

export const swatch = part => make('span', { className: `swatch ${part}-part` });

// What the colours mean; with values, also what each part is.
export const legend = (parts, words, values) => parts.map(part =>
  make('span', {}, swatch(part), words.parts[part], values ? make('b', { text: ` ${values[part].toFixed(3)}` }) : ''));
