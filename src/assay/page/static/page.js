// Comfort only: everything is in the page without it. Filter as you type: <input data-filter="#id of rows' parent">.
for (const input of document.querySelectorAll("[data-filter]")) {
  const rows = document.querySelector(input.dataset.filter);
  const told = document.querySelector(input.dataset.count);
  input.addEventListener("input", () => {
    const wanted = input.value.toLowerCase();
    let count = 0;
    for (const row of rows.children) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
      count += row.hidden ? 0 : 1;
    }
    if (told) told.textContent = `${count} shown`;
  });
}
// Who acts is remembered by this browser, so that nobody types a name twice.
for (const input of document.querySelectorAll("input[name=by]")) {
  input.value = localStorage.getItem("assay-by") || input.value;
  input.addEventListener("change", () => localStorage.setItem("assay-by", input.value));
}
