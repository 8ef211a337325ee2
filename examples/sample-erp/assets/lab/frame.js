// A frame that sends for itself.
document.getElementById('send')?.addEventListener('click', async () => {
  const value = document.querySelector('[name="value"]').value;
  await fetch('/lab/sink?via=frame-fetch', { method: 'POST', body: new URLSearchParams({ value }) });
  document.documentElement.dataset.sent = 'true';
});
