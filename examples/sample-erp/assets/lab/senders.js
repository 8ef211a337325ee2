// Every way a page can send something, each behind its button. The outcome is shown when it is known.

import { tell } from '/assets/erp.js';

const outcome = document.getElementById('outcome');
const amount = () => new URLSearchParams({ amount: document.getElementById('amount').value });
const sink = (via, more = {}) => `/lab/sink?${new URLSearchParams({ via, ...more })}`;

function report(way, result) {
  outcome.textContent = `${way}: ${result}`;
  outcome.dataset.way = way;
  outcome.dataset.result = String(result);
}

function hiddenForm(via) {
  const form = document.createElement('form');
  form.method = 'post';
  form.action = sink(via, { then: '/lab/done' });
  const input = document.createElement('input');
  input.type = 'hidden';
  input.name = 'amount';
  input.value = amount().get('amount');
  form.append(input);
  document.body.append(form);
  return form;
}

const WAYS = {
  async fetch() {
    return (await fetch(sink('fetch'), { method: 'POST', body: amount() })).status;
  },
  xhr: () => new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open('POST', sink('xhr'));
    request.onloadend = () => done(request.status);
    request.send(amount());
  }),
  beacon: () => navigator.sendBeacon(sink('beacon'), amount()),
  async keepalive() {
    return (await fetch(sink('keepalive'), { method: 'POST', keepalive: true, body: amount() })).status;
  },
  async 'no-cors'() {
    return (await fetch(sink('no-cors'), { method: 'POST', mode: 'no-cors', body: amount() })).status;
  },
  'form-submit': () => hiddenForm('form-submit').submit(),
  'request-submit': () => hiddenForm('request-submit').requestSubmit(),
  worker: () => new Promise((done) => {
    const worker = new Worker('/assets/lab/worker.js');
    worker.onmessage = (event) => {
      worker.terminate();
      done(event.data);
    };
    worker.onerror = () => done('refused');
    worker.postMessage(amount().toString());
  }),
  unload() {
    addEventListener('pagehide', () => {
      navigator.sendBeacon(sink('unload-beacon'), amount());
      fetch(sink('unload-keepalive'), { method: 'POST', keepalive: true, body: amount() });
    });
    location.assign('/lab/done');
  },
  async six() {
    // Two event streams and six requests: with HTTP/1.1 that is two connections more than a browser opens.
    const streams = ['clock', 'queue'].map((one) => new EventSource(`/events?stream=${one}`));
    await Promise.all(streams.map((stream) => new Promise((open) => {
      stream.onopen = open;
      stream.onerror = open;
    })));
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((number) =>
      fetch(sink('six', { number }), { method: 'POST', body: amount() }).then((response) => response.status)));
    for (const stream of streams) stream.close();
    return answers.join(' ');
  },
  websocket() {
    tell({ type: 'presence', order: 'PO-1001' });
    return 'sent';
  },
  async 'fetch-frame'() {
    // A fresh frame has functions that nobody has wrapped.
    const frame = document.createElement('iframe');
    document.body.append(frame);
    const response = await frame.contentWindow.fetch(new URL(sink('fetch-frame'), location.href), { method: 'POST', body: amount() });
    frame.remove();
    return response.status;
  },
};

for (const button of document.querySelectorAll('[data-send]')) {
  button.addEventListener('click', async () => {
    const way = button.dataset.send;
    try {
      report(way, await WAYS[way]());
    } catch (problem) {
      report(way, `failed: ${problem.message}`);
    }
  });
}
