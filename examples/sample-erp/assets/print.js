// Prints the sheet in the frame, not the page around it.
document.getElementById('print').addEventListener('click', () => {
  document.getElementById('sheet').contentWindow.print();
});
