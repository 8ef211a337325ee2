// The router of the order pages: addresses are real, reloading works, the back button works.

import { element } from './dom.js';
import { showList } from './list.js';
import { showDetail } from './detail.js';

const place = document.getElementById('orders-app');
let leave = () => {};

export function go(path) {
  history.pushState(null, '', path);
  show();
}

async function show() {
  leave();
  leave = () => {};
  const match = /^\/orders\/([^/]+)$/.exec(location.pathname);
  if (location.pathname === '/orders') {
    document.title = 'Purchase orders · Larkfell ERP';
    leave = await showList(place, go);
  } else if (match) {
    const id = decodeURIComponent(match[1]);
    document.title = `${id === 'new' ? 'New purchase order' : `Purchase order ${id}`} · Larkfell ERP`;
    leave = await showDetail(place, go, id);
  } else {
    place.replaceChildren(element('h1', {}, 'Not found'), element('a', { href: '/orders' }, 'Purchase orders'));
  }
}

// Links between order pages are followed here; everything else is left to the browser.
document.addEventListener('click', (event) => {
  const link = event.target.closest('a[href]');
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || link.target || link.hasAttribute('download')) return;
  const address = new URL(link.href);
  if (address.origin === location.origin && /^\/orders(\/|$)/.test(address.pathname)) {
    event.preventDefault();
    go(address.pathname + address.search);
  }
});
addEventListener('popstate', show);
show();
