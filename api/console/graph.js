// Draws the heaviest paths of one explanation: past items on the left, what they share, the item on the right.
const MOST_PATHS = 12, MOST_PAST = 5, MOST_BETWEEN = 5;
const ROW = 56, EDGE = 8, GAP = 40;

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const lineColour = edge => colour(edge.data('share') < 0 ? '--down' : '--graph');

export const pathsOf = explanation => explanation.reasons.filter(reason => reason.path.length > 2);

// Returns { graph, paths, highlight }: `paths` are the reasons drawn, `highlight(reason)` dims all others, null restores.
export function drawPaths(container, explanation, words) {
  const { paths, nodes, edges } = network(pathsOf(explanation), words);
  const size = place(nodes, container.parentElement.clientWidth);
  container.style.height = `${size.height}px`;
  container.style.width = `${size.width}px`;
  const graph = window.cytoscape({
    container,
    elements: [...nodes.values(), ...edges.values()].map(({ classes, position, ...data }) => ({ data, classes, position })),
    layout: { name: 'preset', fit: false },
    style: style(edges, size),
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
function network(reasons, words) {
  const paths = [], nodes = new Map(), edges = new Map();
  const inColumn = test => [...nodes.values()].filter(test).length;
  for (const reason of [...reasons].sort((a, b) => Math.abs(b.share) - Math.abs(a.share))) {
    const route = routeOf(reason.path, words);
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
function routeOf(path, words) {
  const named = relation => words.relations[relation] ?? relation.toLowerCase().replaceAll('_', ' ');
  const steps = (path.length - 1) / 2;
  const head = step => (path[step].forward ? 'target' : 'source');
  const [first, last] = [path[0], path[path.length - 1]].map(node => ({ id: `${node.label}:${node.id}`, text: cut(node.name || node.id, 60) }));
  const route = [{ ...first, classes: 'item', column: 0 }];
  if (steps === 1) {
    // An edge from item to item goes by its own row, which bears its name.
    const { relation, forward } = path[1];
    route.push({ id: `${relation}:${forward}`, text: named(relation), classes: 'relation', column: 0.5, arrow: forward ? 'none' : 'source' });
    return [...route, { ...last, classes: 'item this', column: 1, arrow: forward ? 'target' : 'none' }];
  }
  for (let step = 1; step < steps; step += 1) {
    const node = path[2 * step];
    // The relation that points at the node says what it is to the items.
    const { relation } = path[2 * step - 1].forward ? path[2 * step - 1] : path[2 * step + 1];
    const said = node.label === 'Attribute' && node.id.includes(':') ? node.id.split(':')[0] : named(relation);
    route.push({ id: `${relation}:${node.label}:${node.id}`, text: `${said}\n${cut(node.name || node.id, 19)}`, classes: 'between', column: step / steps, arrow: head(2 * step - 1) });
  }
  return [...route, { ...last, classes: 'item this', column: 1, arrow: head(2 * steps - 1) }];
}

const WIDE = /[\u1100-\u11ff\u2e80-\uffdc]/u;

// Counts wide (Chinese, Japanese, Korean) characters twice.
function cut(text, most) {
  let width = 0, kept = '';
  for (const character of text) {
    width += WIDE.test(character) ? 2 : 1;
    if (width > most) return `${kept.trimEnd()}…`;
    kept += character;
  }
  return kept;
}

// Gives the nodes their places: in each column beside what they are joined to, so that few lines cross.
function place(nodes, available) {
  const columns = Map.groupBy([...nodes.values()], node => node.column);
  const order = [...columns.keys()].sort((a, b) => a - b);
  const rows = Math.max(...[...columns.values()].map(members => members.length));
  const card = Math.round(Math.min(Math.max(0.28 * available, 112), 150)), pill = Math.round(0.76 * card);
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
  return { width, height: rows * ROW + 2 * EDGE, card, pill };
}

function style(edges, { card, pill }) {
  const most = Math.max(...[...edges.values()].map(edge => Math.abs(edge.share)), 1e-9);
  return [
    { selector: 'node', style: { 'font-family': getComputedStyle(document.body).fontFamily, color: colour('--ink'), label: 'data(text)', 'font-size': 11, 'line-height': 1.2,
      'text-wrap': 'wrap', 'text-overflow-wrap': node => (WIDE.test(node.data('text')) ? 'anywhere' : 'whitespace'), 'text-valign': 'center', shape: 'round-rectangle', 'border-width': 0 } },
    { selector: '.item', style: { width: card, height: 48, 'text-max-width': card - 10, 'background-color': colour('--panel'), 'border-width': 1, 'border-color': colour('--quiet') } },
    { selector: '.this', style: { 'background-color': colour('--chosen'), 'border-color': colour('--accent'), 'border-width': 2 } },
    { selector: '.between', style: { width: pill, height: 36, 'corner-radius': 17, 'text-max-width': pill, 'background-color': colour('--pill') } },
    { selector: '.relation', style: { width: pill, height: 20, 'text-max-width': pill, 'background-color': colour('--ground'), color: colour('--quiet'), 'font-style': 'italic' } },
    { selector: 'edge', style: { width: edge => 1.2 + (4 * Math.abs(edge.data('share'))) / most, 'line-color': lineColour, 'line-opacity': 0.6,
      'line-style': edge => (edge.data('share') < 0 ? 'dashed' : 'solid'), 'source-endpoint': '90deg', 'target-endpoint': '270deg', ...curve(), 'arrow-scale': 0.7 } },
    ...['source', 'target'].map(end => ({ selector: `edge[arrow = "${end}"]`, style: { [`${end}-arrow-shape`]: 'triangle', [`${end}-arrow-color`]: lineColour } })),
    { selector: '.dim', style: { opacity: 0.15 } },
  ];
}

// Lines leave a node level on its right and arrive level on the left of the next.
function curve() {
  const bend = (edge, end) => {
    const [from, to] = [edge.source(), edge.target()];
    const across = to.position('x') - from.position('x') - (from.width() + to.width()) / 2, down = to.position('y') - from.position('y');
    const length = Math.hypot(across, down), reach = end * across / 2;
    return { weight: end > 0 ? reach * across / length ** 2 : 1 + reach * across / length ** 2, distance: -reach * down / length };
  };
  return {
    'curve-style': 'unbundled-bezier', 'edge-distances': 'endpoints',
    'control-point-weights': edge => [bend(edge, 1).weight, bend(edge, -1).weight],
    'control-point-distances': edge => [bend(edge, 1).distance, bend(edge, -1).distance],
  };
}
