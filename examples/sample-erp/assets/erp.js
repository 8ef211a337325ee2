// What every page of the ERP does: notifications over the WebSocket, dialogs, questions before a post.

const toasts = document.getElementById('toasts');
const bell = document.getElementById('bell');
const inbox = document.getElementById('inbox');
const unread = document.getElementById('unread');

/** Makes an element; text is always text, never markup. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Shows a small note. `dismissed` is called when the user closes it. */
export function toast(text, { kind = 'note', link = null, dismissed = () => {} } = {}) {
  const note = element('div', { class: 'toast', 'data-kind': kind });
  const close = element('button', {
    type: 'button',
    class: 'quiet',
    'aria-label': `Dismiss: ${text}`,
    onclick: () => {
      note.remove();
      dismissed();
    },
  }, '✕');
  note.append(link ? element('a', { href: link }, text) : element('span', {}, text), close);
  toasts.append(note);
  if (kind === 'note' && !link) setTimeout(() => note.remove(), 6000);
}

/** Sends JSON and answers `{ status, ok, body }`; `body` is null where there is none. */
export async function send(method, path, data) {
  const response = await fetch(path, {
    method,
    headers: data === undefined ? {} : { 'content-type': 'application/json' },
    body: data === undefined ? undefined : JSON.stringify(data),
  });
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return { status: response.status, ok: response.ok, body: isJson ? await response.json() : null };
}

// One socket a page. It comes back by itself, later and later, until the page goes.
let socket = null;
let wait = 500;
const waiting = [];
const listeners = new Set();

/** Sends a message now, or when the socket is open again. */
export function tell(message) {
  const text = JSON.stringify(message);
  if (socket?.readyState === WebSocket.OPEN) socket.send(text);
  else waiting.push(text);
}

/** Calls `listener` with every message of the server; answers how to stop that. */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function connect() {
  const address = new URL('/ws', location.href);
  address.protocol = address.protocol.replace('http', 'ws');
  socket = new WebSocket(address);
  socket.addEventListener('open', () => {
    wait = 500;
    for (const text of waiting.splice(0)) socket.send(text);
  });
  socket.addEventListener('message', (event) => {
    const message = JSON.parse(event.data);
    if (message.type === 'unread') showUnread(message.count);
    if (message.type === 'notification') {
      toast(message.text, {
        kind: 'news',
        link: message.link,
        dismissed: () => tell({ type: 'seen', id: message.id }),
      });
    }
    for (const listener of listeners) listener(message);
  });
  socket.addEventListener('close', () => {
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 30000);
  });
}

function showUnread(count) {
  if (!unread) return;
  unread.textContent = String(count);
  unread.dataset.count = String(count);
  bell.setAttribute('aria-label', `Notifications, ${count} unread`);
}

if (bell) {
  connect();
  bell.addEventListener('click', async () => {
    const opens = inbox.hidden;
    bell.setAttribute('aria-expanded', String(opens));
    inbox.hidden = !opens;
    if (!opens) return;
    const { body } = await send('GET', '/api/notifications');
    showUnread(body.unread);
    inbox.replaceChildren(element('ul', {}, ...body.items.map((item) => {
      const row = element('li', { 'data-unread': String(item.unread) },
        element('a', { href: item.link }, item.text),
        element('small', {}, item.at.slice(0, 16).replace('T', ' ') + ' UTC'));
      if (item.unread) {
        row.append(element('button', {
          type: 'button',
          class: 'quiet',
          'aria-label': `Mark as read: ${item.text}`,
          onclick: (event) => {
            tell({ type: 'seen', id: item.id });
            row.dataset.unread = 'false';
            event.currentTarget.remove();
          },
        }, 'Mark as read'));
      }
      return row;
    })));
  });
}

document.addEventListener('click', (event) => {
  const opener = event.target.closest('[data-opens]');
  if (opener) document.getElementById(opener.dataset.opens).showModal();
  const closer = event.target.closest('[data-closes]');
  if (closer) document.getElementById(closer.dataset.closes).close();
});

document.addEventListener('submit', (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});
