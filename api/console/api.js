// The ranking API as the page uses it. Every function throws an Error whose message is fit to be shown.
async function call(path, options = {}) {
  const answer = await fetch(path, { headers: { 'Content-Type': 'application/json' }, ...options });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? answer.statusText);
  return body;
}

const id = encodeURIComponent;

export const health = () => call('/readyz');
export const users = words => call(`/v1/users?limit=30&q=${id(words)}`);
export const user = userId => call(`/v1/users/${id(userId)}`);
export const recommend = (userId, language) =>
  call(`/v1/users/${id(userId)}/recommendations?n=10&reasons=3&language=${language}`);
export const search = (words, userId, language) =>
  call(`/v1/search?n=10&reasons=3&language=${language}&q=${id(words)}&user_id=${id(userId)}`);
export const explain = (userId, itemId, language, words) =>
  call(`/v1/users/${id(userId)}/items/${id(itemId)}/explanation?language=${language}` + (words ? `&q=${id(words)}` : ''));
export const post = event => call('/v1/events', { method: 'POST', body: JSON.stringify({ events: [event] }) });
