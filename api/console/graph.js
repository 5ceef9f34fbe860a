// Draws the paths of one explanation: past items on the left, the recommended item on the right.
const MOST_PATHS = 14;

const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function drawPaths(container, explanation) {
  const reasons = explanation.reasons.filter(reason => reason.path.length > 2).slice(0, MOST_PATHS);
  const nodes = new Map();
  const edges = new Map();
  for (const { path, share } of reasons) {
    const steps = (path.length - 1) / 2;
    path.forEach((part, place) => {
      if (place % 2 === 0) {
        const key = `${part.label}:${part.id}`;
        const column = place === 0 ? 0 : place / 2 === steps ? 1 : place / 2 / steps;
        if (!nodes.has(key)) nodes.set(key, { id: key, name: part.name || part.id, label: part.label, column });
        return;
      }
      const [from, to] = [path[place - 1], path[place + 1]].map(node => `${node.label}:${node.id}`);
      const [source, target] = part.forward ? [from, to] : [to, from];
      const key = `${source}|${part.relation}|${target}`;
      const edge = edges.get(key) ?? { id: key, source, target, relation: part.relation, share: 0 };
      edge.share += share;
      edges.set(key, edge);
    });
  }
  const columns = Map.groupBy ? Map.groupBy(nodes.values(), node => node.column) : group(nodes.values());
  const place = new Map();
  for (const [column, members] of columns) {
    members.forEach((node, row) => place.set(node.id, { x: column * 460, y: (row - (members.length - 1) / 2) * 74 }));
  }
  const most = Math.max(...[...edges.values()].map(edge => Math.abs(edge.share)), 1e-9);
  return window.cytoscape({
    container,
    elements: [
      ...[...nodes.values()].map(data => ({ data, position: place.get(data.id), classes: data.label === 'Item' ? 'item' : 'entity' })),
      ...[...edges.values()].map(data => ({ data: { ...data, width: 1 + (5 * Math.abs(data.share)) / most } })),
    ],
    layout: { name: 'preset', padding: 26 },
    maxZoom: 1.6,
    style: [
      { selector: 'node', style: { label: 'data(name)', 'font-size': 12, 'text-wrap': 'wrap', 'text-max-width': 130, 'text-valign': 'bottom',
        'text-margin-y': 4, color: colour('--ink'), width: 22, height: 22, 'background-color': colour('--quiet') } },
      { selector: 'node.item', style: { shape: 'round-rectangle', 'background-color': colour('--graph') } },
      { selector: 'edge', style: { label: 'data(relation)', 'font-size': 9, color: colour('--quiet'), 'text-rotation': 'autorotate',
        'text-background-color': colour('--ground'), 'text-background-opacity': 0.85, 'text-background-padding': 1,
        width: 'data(width)', 'line-color': colour('--accent'), 'line-opacity': 0.55, 'curve-style': 'bezier',
        'target-arrow-shape': 'triangle', 'target-arrow-color': colour('--accent') } },
    ],
  });
}

function group(nodes) {
  const columns = new Map();
  for (const node of nodes) columns.set(node.column, [...(columns.get(node.column) ?? []), node]);
  return columns;
}
