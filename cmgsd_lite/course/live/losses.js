// The losses of cmgsd_lite, number for number: a test trains with both. sim[i][j]: text i, video j.

const LOSSES = ["mean", "hardest", "4 hardest", "smooth", "InfoNCE"];
const MARGINS = ["fixed", "adaptive", "permuted"];

// An address may hold anything: what can not be trained with becomes the usual.
function trainable(chosen, usual) {
  const right = {
    loss: LOSSES.includes(chosen.loss),
    margins: MARGINS.includes(chosen.margins),
    temperature: chosen.temperature >= 0.01,
    seed: Number.isInteger(chosen.seed) && chosen.seed > 0,
  };
  for (const key of Object.keys(right)) if (key in usual && !right[key]) chosen[key] = usual[key];
  return chosen;
}

const zeros = n => Array.from({ length: n }, () => new Array(n).fill(0));
const transposed = matrix => matrix[0].map((_, j) => matrix.map(row => row[j]));
const sum = numbers => numbers.reduce((a, b) => a + b, 0);
const offDiagonal = matrix => matrix.flatMap((row, i) => row.filter((_, j) => j !== i));

// One anchor: its loss, and the slope of the loss for each negative's violation = margin + s[negative] - s[own].
function anchorLoss(violations, loss, temperature) {
  const n = violations.length;
  if (loss === "smooth" || loss === "InfoNCE") {
    const top = Math.max(0, ...violations) / temperature;
    const powers = violations.map(v => Math.exp(v / temperature - top));
    const all = sum(powers) + Math.exp(-top);
    const scale = loss === "smooth" ? temperature : 1;
    return [scale * (top + Math.log(all)), powers.map(p => (scale / temperature) * (p / all))];
  }
  const hinges = violations.map(v => Math.max(0, v));
  if (loss === "hardest") {
    const largest = Math.max(...hinges);
    const ties = hinges.filter(h => h === largest).length;
    return [largest, hinges.map(h => (h > 0 && h === largest ? 1 / ties : 0))];
  }
  const k = loss === "mean" ? n : Math.min(4, n);
  const order = hinges.map((_, j) => j).sort((a, b) => hinges[b] - hinges[a]).slice(0, k);
  return [sum(order.map(j => hinges[j])) / k, hinges.map((h, j) => (h > 0 && order.includes(j) ? 1 / k : 0))];
}

// Rows are anchors: the mean loss, and its gradient for every similarity.
function oneDirection(sim, margin, loss, temperature) {
  const n = sim.length, gradient = zeros(n);
  let total = 0;
  for (let i = 0; i < n; i++) {
    const others = sim.map((_, j) => j).filter(j => j !== i);
    const [value, slopes] = anchorLoss(others.map(j => margin[i][j] + sim[i][j] - sim[i][i]), loss, temperature);
    total += value / n;
    others.forEach((j, k) => { gradient[i][j] = slopes[k] / n; });
    gradient[i][i] = -sum(slopes) / n;
  }
  return [total, gradient];
}

// Both directions; half of each makes the loss. InfoNCE takes only the differences between margins.
function lossOf(sim, margin, loss, temperature) {
  const centre = loss === "InfoNCE" ? sum(offDiagonal(margin)) / (sim.length * (sim.length - 1)) : 0;
  const given = margin.map(row => row.map(m => m - centre));
  const [toVideo, rows] = oneDirection(sim, given, loss, temperature);
  const [toText, columns] = oneDirection(transposed(sim), transposed(given), loss, temperature);
  const half = matrix => matrix.map(row => row.map(x => x / 2));
  return { loss: (toVideo + toText) / 2, textToVideo: half(rows), videoToText: half(transposed(columns)) };
}

function fixedMargins(n, alpha) {
  return zeros(n).map(row => row.map(() => alpha));
}

// alpha + beta * z-score of the distance, not below 0, the mean alpha.
function adaptiveMargins(distances, alpha, beta) {
  const values = offDiagonal(distances);
  const mean = sum(values) / values.length;
  const spread = Math.sqrt(sum(values.map(d => (d - mean) ** 2)) / values.length) + 1e-4;
  const raw = distances.map(row => row.map(d => alpha + (beta * (d - mean)) / spread));
  const meanWith = shift => sum(offDiagonal(raw).map(m => Math.max(0, m + shift))) / values.length;
  // Clipping raises the mean; a shift downwards takes that back. Its size is found by halving.
  let low = -Math.max(...offDiagonal(raw)), high = 0;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (meanWith(middle) > alpha) high = middle; else low = middle;
  }
  const shift = Math.min(...offDiagonal(raw)) < 0 ? high : 0;
  return raw.map((row, i) => row.map((m, j) => (i === j ? alpha : Math.max(0, m + shift))));
}

function permutedMargins(margins, order) {
  return order.map(i => order.map(j => margins[i][j]));
}
