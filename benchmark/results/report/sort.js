// A click on a heading sorts by that column, first downwards, then upwards.
// What has no value stays at the end.
for (const table of document.querySelectorAll("table")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.firstElementChild.addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") !== "descending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => parseFloat(row.cells[column].dataset.value);
      const text = (row) => row.cells[column].textContent;
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, two) => {
        if (column === 0) return (down ? 1 : -1) * text(one).localeCompare(text(two));
        const [a, b] = [value(one), value(two)];
        if (isNaN(a) || isNaN(b)) return isNaN(a) - isNaN(b);
        return down ? b - a : a - b;
      });
      table.tBodies[0].append(...rows);
    });
  });
}
