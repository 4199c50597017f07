"use strict";
// Figures are enlarged by buttons or + and -, and read off by pointing or with the arrow keys.
for (const plot of document.querySelectorAll(".plot")) {
  const view = plot.querySelector(".view"), sheet = plot.querySelector(".sheet"), told = plot.querySelector("output");
  const across = plot.querySelector(".across"), down = plot.querySelector(".down");
  const axes = JSON.parse(plot.dataset.axes);
  let zoom = 1, at = null;

  const value = (numbers, part) => {
    if (!numbers) return "";
    const { low, high, log, label } = numbers;
    const found = log ? low * (high / low) ** part : low + (high - low) * part;
    return `${label ? label + ": " : ""}${Number(found.toPrecision(3))}`;
  };
  const read = (x, y) => {
    const here = axes.find(({ box: [l, t, r, b] }) => x >= l && x <= r && y >= t && y <= b);
    for (const line of [across, down]) line.hidden = !here;
    if (!here) return;
    at = [x, y];
    const [l, t, r, b] = here.box;
    Object.assign(across.style, { left: `${100 * l}%`, width: `${100 * (r - l)}%`, top: `${100 * y}%` });
    Object.assign(down.style, { top: `${100 * t}%`, height: `${100 * (b - t)}%`, left: `${100 * x}%` });
    told.value = [value(here.x, (x - l) / (r - l)), value(here.y, (b - y) / (b - t))].filter(Boolean).join("; ");
  };
  const enlarge = (factor) => {
    zoom = Math.min(Math.max(zoom * factor, 1), 6);
    sheet.style.width = zoom > 1.01 ? `${100 * zoom}%` : "";
    sheet.classList.toggle("enlarged", zoom > 1.01);
  };

  for (const button of plot.querySelectorAll("button")) button.addEventListener("click", () => enlarge(Number(button.dataset.zoom)));
  sheet.addEventListener("pointermove", (event) => {
    const { left, top, width, height } = sheet.getBoundingClientRect();
    read((event.clientX - left) / width, (event.clientY - top) / height);
  });
  view.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.05 : 0.005;
    const move = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (event.key === "+" || event.key === "-") enlarge(event.key === "+" ? 1.5 : 1 / 1.5);
    else if (move && axes.length) {
      const [l, t, r, b] = axes[0].box;
      const [x, y] = at ?? [(l + r) / 2, (t + b) / 2];
      read(at ? x + move[0] : x, at ? y + move[1] : y);
    } else return;
    event.preventDefault();
  });
  plot.querySelector(".tools").hidden = false;
}
