// Draws the heaviest paths of one explanation: past items on the left, what they share, the item on the right.
const MOST_PATHS = 12, MOST_PAST = 5, MOST_BETWEEN = 5;
const ROW = 56, EDGE = 8, GAP = 40, FONT = 11;

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const lineColour = edge => colour(edge.data('share') < 0 ? '--down' : '--graph');

export const pathsOf = explanation => explanation.reasons.filter(reason => reason.path.length > 2);

// Returns { graph, paths, highlight }: `paths` are the reasons drawn, `highlight(reason)` dims all others, null restores.
export function drawPaths(container, explanation, words) {
  const available = container.parentElement.clientWidth;
  // Even numbers: a label whose middle lies between two pixels is blurred.
  const card = 2 * Math.round(Math.min(Math.max(0.14 * available, 56), 75)), pill = 2 * Math.round(0.38 * card);
  const { paths, nodes, edges } = network(pathsOf(explanation), words, { card: text => wrap(text, card - 12, 3), pill: text => wrap(text, pill - 14, 1) });
  const size = place(nodes, available, card, pill);
  container.style.height = `${size.height}px`;
  container.style.width = `${size.width}px`;
  const graph = window.cytoscape({
    container,
    elements: [...nodes.values(), ...edges.values()].map(({ classes, position, ...data }) => ({ data, classes, position })),
    layout: { name: 'preset', fit: false },
    style: style(edges, card, pill),
    userZoomingEnabled: false, userPanningEnabled: false, boxSelectionEnabled: false, autoungrabify: true,
  });
  const show = indices => graph.batch(() => graph.elements().forEach(element => {
    element.toggleClass('dim', indices.length > 0 && !element.data('paths').some(index => indices.includes(index)));
  }));
  graph.on('mouseover', 'node', event => show(event.target.data('paths')));
  graph.on('mouseout', 'node', () => show([]));
  return { graph, paths, highlight: reason => show(reason && paths.includes(reason) ? [paths.indexOf(reason)] : []) };
}

// The heaviest paths as nodes and edges, as long as no column becomes too full to be read.
function network(reasons, words, wrapped) {
  const paths = [], nodes = new Map(), edges = new Map();
  const inColumn = test => [...nodes.values()].filter(test).length;
  for (const reason of [...reasons].sort((a, b) => Math.abs(b.share) - Math.abs(a.share))) {
    const route = routeOf(reason.path, words, wrapped);
    const fresh = route.filter(node => !nodes.has(node.id));
    const past = inColumn(node => node.column === 0) + fresh.filter(node => node.column === 0).length;
    const between = inColumn(node => node.column > 0 && node.column < 1) + fresh.filter(node => node.column > 0 && node.column < 1).length;
    if (past > MOST_PAST || between > MOST_BETWEEN || paths.length === MOST_PATHS) continue;
    fresh.forEach(node => nodes.set(node.id, { ...node, paths: [], share: 0 }));
    for (let step = 1; step < route.length; step += 1) {
      const id = JSON.stringify([route[step - 1].id, route[step].id]);
      if (!edges.has(id)) edges.set(id, { id, source: route[step - 1].id, target: route[step].id, arrow: route[step].arrow, paths: [], share: 0 });
      note(edges.get(id), paths.length, reason.share);
    }
    route.forEach(({ id }) => note(nodes.get(id), paths.length, reason.share));
    paths.push(reason);
  }
  return { paths, nodes, edges };
}

function note(element, index, share) {
  element.paths.push(index);
  element.share += share;
}

// The stations of one path from left to right; `arrow` is where the edge that comes from the left has its head.
function routeOf(path, words, wrapped) {
  const steps = (path.length - 1) / 2;
  const head = step => (path[step].forward ? 'target' : 'source');
  const [first, last] = [path[0], path[path.length - 1]].map(node => ({ id: `${node.label}:${node.id}`, text: wrapped.card(node.name || node.id) }));
  const route = [{ ...first, classes: 'item', column: 0 }];
  if (steps === 1) {
    // An edge from item to item goes by its own row, which bears its name.
    const { relation, forward } = path[1];
    route.push({ id: `${relation}:${forward}`, text: wrapped.pill(relationName(relation, words)), classes: 'relation', column: 0.5, arrow: forward ? 'none' : 'source' });
    return [...route, { ...last, classes: 'item this', column: 1, arrow: forward ? 'target' : 'none' }];
  }
  for (let step = 1; step < steps; step += 1) {
    const node = path[2 * step];
    const { relation, said } = meaning(path, step, words);
    route.push({ id: `${relation}:${node.label}:${node.id}`, text: `${wrapped.pill(said)}\n${wrapped.pill(node.name || node.id)}`, classes: 'between', column: step / steps, arrow: head(2 * step - 1) });
  }
  return [...route, { ...last, classes: 'item this', column: 1, arrow: head(2 * steps - 1) }];
}

const relationName = (relation, words) => words.relations[relation] ?? relation.toLowerCase().replaceAll('_', ' ');

// What a station is to the items: the relation that points at it, or the attribute's own key.
function meaning(path, step, words) {
  const node = path[2 * step];
  const { relation } = path[2 * step - 1].forward ? path[2 * step - 1] : path[2 * step + 1];
  const said = node.label === 'Attribute' && node.id.includes(':') ? node.id.split(':')[0] : relationName(relation, words);
  return { relation, said };
}

// A path in few words: “made by Stonebasil”.
export function inShort(path, words) {
  if (path.length === 3) return relationName(path[1].relation, words);
  const step = (path.length - 1) / 2 - 1;
  return `${meaning(path, step, words).said} ${path[2 * step].name || path[2 * step].id}`;
}

const WIDE = /[\u1100-\u11ff\u2e80-\uffdc]/u;
const CLOSING = /[，。、；：！？」』）”’]/u;
const pen = document.createElement('canvas').getContext('2d');

// Breaks a name between words (Chinese: between characters) into at most so many lines, with … for the rest.
function wrap(text, width, most) {
  pen.font = `${FONT}px ${getComputedStyle(document.body).fontFamily}`;
  const fits = line => pen.measureText(line.trimEnd()).width <= width;
  const pieces = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment)
    .reduce((words, character) => {
      const last = words[words.length - 1];
      if (last !== undefined && CLOSING.test(character)) return [...words.slice(0, -1), last + character];
      if (last === undefined || last.endsWith(' ') || WIDE.test(character) || WIDE.test(last) || !fits(last + character)) return [...words, character];
      return [...words.slice(0, -1), last + character];
    }, []);
  const lines = [''];
  for (const piece of pieces) {
    const line = lines[lines.length - 1];
    if (!line || fits(line + piece)) lines[lines.length - 1] += piece;
    else if (lines.length < most) lines.push(piece);
    else {
      let kept = line + piece;
      while (!fits(`${kept.trimEnd()}…`)) kept = kept.slice(0, -1);
      lines[lines.length - 1] = `${kept.trimEnd()}…`;
      break;
    }
  }
  return lines.map(line => line.trimEnd()).join('\n');
}

// Gives the nodes their places: in each column beside what they are joined to, so that few lines cross.
function place(nodes, available, card, pill) {
  const columns = Map.groupBy([...nodes.values()], node => node.column);
  const order = [...columns.keys()].sort((a, b) => a - b);
  const rows = Math.max(...[...columns.values()].map(members => members.length));
  const width = Math.max(available - 2, 2 * (EDGE + card) + (order.length - 2) * pill + (order.length - 1) * GAP);
  const rowOf = new Map();
  const settle = column => {
    const members = columns.get(column);
    const mean = node => node.paths.reduce((sum, index) => sum + (rowOf.get(index) ?? 0), 0) / node.paths.length;
    members.sort((a, b) => mean(a) - mean(b) || b.share - a.share);
    members.forEach((node, row) => {
      node.position = { x: Math.round(EDGE + card / 2 + column * (width - 2 * EDGE - card)), y: Math.round(EDGE + ROW * (rows / 2 + row - (members.length - 1) / 2)) };
    });
    members.forEach(node => node.paths.forEach(index => rowOf.set(index, node.position.y)));
  };
  [...order, ...[...order].reverse(), ...order].forEach(settle);
  return { width, height: rows * ROW + 2 * EDGE };
}

function style(edges, card, pill) {
  const most = Math.max(...[...edges.values()].map(edge => Math.abs(edge.share)), 1e-9);
  return [
    { selector: 'node', style: { 'font-family': getComputedStyle(document.body).fontFamily, color: colour('--ink'), label: 'data(text)', 'font-size': FONT, 'line-height': 1.2,
      'text-wrap': 'wrap', 'text-valign': 'center', shape: 'round-rectangle', 'border-width': 0 } },
    { selector: '.item', style: { width: card, height: 48, 'background-color': colour('--panel'), 'border-width': 1, 'border-color': colour('--quiet') } },
    { selector: '.this', style: { 'background-color': colour('--chosen'), 'border-color': colour('--accent'), 'border-width': 2 } },
    { selector: '.between', style: { width: pill, height: 36, 'corner-radius': 17, 'background-color': colour('--pill') } },
    { selector: '.relation', style: { width: pill, height: 20, 'background-color': colour('--ground'), color: colour('--quiet'), 'font-style': 'italic' } },
    { selector: 'edge', style: { width: edge => 1.2 + (4 * Math.abs(edge.data('share'))) / most, 'line-color': lineColour, 'line-opacity': 0.6,
      'line-style': edge => (edge.data('share') < 0 ? 'dashed' : 'solid'), 'source-endpoint': '90deg', 'target-endpoint': '270deg', 'curve-style': 'straight', 'arrow-scale': 0.7 } },
    ...['source', 'target'].map(end => ({ selector: `edge[arrow = "${end}"]`, style: { [`${end}-arrow-shape`]: 'triangle', [`${end}-arrow-color`]: lineColour } })),
    { selector: '.dim', style: { opacity: 0.15 } },
  ];
}
