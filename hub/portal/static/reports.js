// Draws each chart from the table beside it: what is seen can be read, and copied, and without scripts the table stays.
"use strict";
(() => {
  const MOST = 20;
  const root = getComputedStyle(document.documentElement);
  const [soft, line, ...colours] = ["--soft", "--line", "--accent", "--good", "--warn", "--bad", "--soft"].map((name) =>
    root.getPropertyValue(name).trim(),
  );
  Object.assign(Chart.defaults, { color: soft, borderColor: line, animation: false, maintainAspectRatio: false });
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  for (const canvas of document.querySelectorAll("canvas[data-table]")) {
    const table = document.getElementById(canvas.dataset.table);
    const rows = [...table.tBodies[0].rows].slice(0, MOST);
    const series = [...table.tHead.rows[0].cells].filter((head) => "series" in head.dataset);
    const across = "across" in canvas.dataset;
    const stacked = "stacked" in canvas.dataset;
    new Chart(canvas, {
      type: "bar",
      data: {
        labels: rows.map((row) => row.cells[0].textContent.trim()),
        datasets: series.map((head, number) => ({
          label: head.textContent.trim(),
          data: rows.map((row) => Number(row.cells[head.cellIndex].dataset.value)),
          backgroundColor: colours[number % colours.length],
        })),
      },
      options: {
        indexAxis: across ? "y" : "x",
        plugins: { legend: { display: series.length > 1 } },
        scales: { x: { stacked, beginAtZero: true }, y: { stacked, beginAtZero: true } },
      },
    });
  }
})();
