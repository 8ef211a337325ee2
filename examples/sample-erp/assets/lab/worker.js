// A dedicated worker that sends.
addEventListener('message', async (event) => {
  const response = await fetch('/lab/sink?via=worker', { method: 'POST', body: new URLSearchParams(event.data) });
  postMessage(response.status);
});
