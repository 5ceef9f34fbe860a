// The ranking API as the page uses it. Every function throws an Error whose message is fit to be shown.
export class NoAnswer extends Error {}

async function call(path, options = {}) {
  const answer = await fetch(path, { headers: { 'Content-Type': 'application/json' }, ...options }).catch(error => {
    throw new NoAnswer(error.message);
  });
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.detail ?? `${answer.status} ${answer.statusText}`);
  return body;
}

const id = encodeURIComponent;

export const health = () => call('/readyz');
export const users = words => call(`/v1/users?limit=30&q=${id(words)}`);
export const user = (userId, language) => call(`/v1/users/${id(userId)}?language=${language}`);
export const item = itemId => call(`/v1/items/${id(itemId)}`);
export const post = event => call('/v1/events', { method: 'POST', body: JSON.stringify({ events: [event] }) });

// What is recommended or, where there are words, found for a shopper.
export function list({ userId, words, language }, n, reasons) {
  const common = `n=${n}&reasons=${reasons}&language=${language}`;
  return call(words
    ? `/v1/search?${common}&q=${id(words)}&user_id=${id(userId)}`
    : `/v1/users/${id(userId)}/recommendations?${common}`);
}

export const explain = ({ userId, words, language }, itemId) =>
  call(`/v1/users/${id(userId)}/items/${id(itemId)}/explanation?language=${language}` + (words ? `&q=${id(words)}` : ''));

// A dialogue, begun with its first turn; what is sent is {text}, {edit} or {option}.
export const begin = (userId, language) => call('/v1/dialogues', { method: 'POST', body: JSON.stringify({ user_id: userId, language }) });
export const turn = (dialogueId, sent) => call(`/v1/dialogues/${id(dialogueId)}/turns`, { method: 'POST', body: JSON.stringify(sent) });
export const thumbs = (dialogueId, number, which) =>
  call(`/v1/dialogues/${id(dialogueId)}/turns/${number}/feedback`, { method: 'POST', body: JSON.stringify({ thumbs: which }) });
