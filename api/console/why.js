// The panel that takes one score apart: its parts, the paths behind it, every share.
import * as api from './api.js';
import { bars, legend, PARTS, swatch } from './bars.js';
import { $, fill, make } from './dom.js';
import { drawPaths, pathsOf } from './graph.js';

const N_SHARES = 8;
let drawn = null;
let shown = null;

export async function showWhy(question, itemId, words) {
  const explanation = await api.explain(question, itemId);
  // Price and stock are an extra: the store may be down while scores are answered from memory.
  const facts = await api.item(itemId).then(item => item.properties, () => ({}));
  shown = { explanation, words };
  $('why').scrollTop = 0;
  $('why-title').textContent = explanation.title;
  $('why-facts').textContent = [words.rank(explanation.rank, explanation.n_ranked.toLocaleString(question.language)),
    price(facts, question.language), facts.in_stock === undefined ? '' : facts.in_stock ? words.inStock : words.outOfStock].filter(Boolean).join(' · ');
  const widest = Object.values(explanation.score_parts).reduce((sum, value) => sum + Math.abs(value), 0) || 1;
  $('why-bars').replaceChildren(bars(explanation.score_parts, widest, words), make('p', { className: 'legend' }, ...legend(PARTS.filter(part => explanation.score_parts[part]), words, explanation.score_parts)));
  $('no-path').textContent = words.noPath;
  $('no-path').hidden = !explanation.no_path;
  redraw();
  showShares(explanation, words);
}

export function clearWhy(words) {
  erase();
  shown = null;
  $('why-title').textContent = words.pick;
  $('why-facts').textContent = '';
  $('why-bars').replaceChildren();
  for (const id of ['paths', 'no-path', 'shares']) $(id).hidden = true;
}

// Draws the graph anew, as after a change of width or colours.
export function redraw() {
  erase();
  if (!shown) return;
  const { explanation, words } = shown;
  const paths = pathsOf(explanation);
  $('paths').hidden = !paths.length;
  if (!paths.length) return;
  drawn = drawPaths($('graph'), explanation, words);
  $('graph').setAttribute('aria-label', words.drawn(drawn.paths.length, explanation.title));
  const carried = paths.reduce((sum, { share }) => sum + share, 0);
  $('paths-note').textContent = words.allPaths(drawn.paths.length, paths.length, carried.toFixed(3));
}

function erase() {
  if (drawn) drawn.graph.destroy();
  drawn = null;
}

// The largest shares, for or against; the others as one line that opens them.
function showShares(explanation, words) {
  const reasons = [...explanation.reasons].sort((a, b) => Math.abs(b.share) - Math.abs(a.share));
  const rows = reasons.map(reason => {
    const row = make('tr', {}, make('td', {}, swatch(reason.part), words.parts[reason.part]), make('td', { text: reason.share.toFixed(3) }), make('td', { text: reason.text }));
    row.addEventListener('mouseenter', () => drawn?.highlight(reason));
    row.addEventListener('mouseleave', () => drawn?.highlight(null));
    return row;
  });
  const [others, sum] = $('shares').tFoot.rows;
  const rest = reasons.slice(N_SHARES);
  others.hidden = !rest.length;
  others.cells[0].textContent = words.further(rest.length);
  others.cells[1].textContent = rest.reduce((total, reason) => total + reason.share, 0).toFixed(3);
  fill($('shares').tBodies[0], rows, N_SHARES, $('shares-all'), words.all, () => { others.hidden = true; });
  sum.cells[1].textContent = explanation.score.toFixed(3);
  $('shares').hidden = false;
}

function price({ price: amount, currency }, language) {
  if (amount === undefined) return '';
  if (!/^[A-Z]{3}$/.test(currency ?? '')) return String(amount);
  return new Intl.NumberFormat(language, { style: 'currency', currency }).format(amount);
}
