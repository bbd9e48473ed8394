import { isOwnVariant, ratios } from './report.mjs'

const WIDTH = 860
const LABEL = 250
const RIGHT = 90
const BAR = 16
const ROW = 22
const TITLE = 30
const TOP = 74

/**
 * A bar for each peer of each case: its time over copyist's on a logarithmic scale, 1 marked, the required ratio ticked. Of copyist's
 * own variants only those that a ratio is required of have one.
 */
export function svgChart(results) {
  const groups = results.cases
    .map((result) => ({ title: result.title, bars: ratios(result).filter(hasBar) }))
    .filter(({ bars }) => bars.length > 0)
  const all = groups.flatMap(({ bars }) => bars.flatMap(({ ratio, gate }) => [ratio, gate?.aim ?? ratio]))
  const low = Math.min(0.8, ...all)
  const high = Math.max(2, ...all) * 1.05
  const x = (ratio) => LABEL + (Math.log(ratio / low) / Math.log(high / low)) * (WIDTH - LABEL - RIGHT)
  const height = TOP + groups.reduce((sum, { bars }) => sum + TITLE + bars.length * ROW, 0) + 16

  const body = []
  const ticks = [0.5, 1, 2, 4, 8, 16, 32, 64, 128].filter((tick) => tick >= low && tick <= high)
  for (const tick of ticks) body.push(text(x(tick), TOP - 12, `${tick}×`, 'tick', 'middle'))
  let y = TOP
  for (const { title, bars } of groups) {
    body.push(text(16, y + 19, title, 'case'))
    y += TITLE
    for (const tick of ticks) {
      body.push(line(x(tick), y - 3, x(tick), y + bars.length * ROW - 3, tick === 1 ? 'one' : 'grid'))
    }
    for (const { label, ratio, gate } of bars) {
      const from = Math.min(x(1), x(ratio))
      body.push(text(LABEL - 10, y + 12, label, 'peer', 'end'))
      body.push(
        `<rect x="${round(from)}" y="${y}" width="${round(Math.max(1, Math.abs(x(ratio) - x(1))))}" height="${BAR}" rx="2" class="${ratio < 1 ? 'slower' : 'faster'}"/>`,
      )
      if (gate !== undefined) body.push(line(x(gate.must), y - 2, x(gate.must), y + BAR + 2, 'gate'))
      // Behind the tick where that is not reached, or the two would lie over each other.
      const end = Math.max(x(ratio), x(1), gate !== undefined && ratio < gate.must ? x(gate.must) : 0)
      body.push(text(end + 6, y + 12, `${ratio.toFixed(ratio < 10 ? 2 : 1)}×`, 'value'))
      y += ROW
    }
  }
  const { cpu, node, threads } = results.machine
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="Time of each peer over that of copyist">
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 } .case { font-weight: 600 } .tick, .note { fill: #57606a; font-size: 11px }
  .grid { stroke: #d0d7de } .one { stroke: #57606a } .gate { stroke: #24292f; stroke-width: 2 }
  .faster { fill: #1f883d } .slower { fill: #cf222e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .tick, .note { fill: #8d96a0 }
    .grid { stroke: #30363d } .one { stroke: #8d96a0 } .gate { stroke: #e6edf3 }
    .faster { fill: #3fb950 } .slower { fill: #f85149 }
  }
</style>
${text(16, 22, 'Time of each peer over that of copyist (longer is better for copyist)', 'title')}
${text(16, 40, `${cpu}, ${threads} threads, Node ${node}; medians; a thick tick marks the ratio that must be reached`, 'note')}
${body.join('\n')}
</svg>
`
}

function hasBar(engine) {
  return engine.ratio !== undefined && (!isOwnVariant(engine) || engine.gate !== undefined)
}

function line(x1, y1, x2, y2, name) {
  return `<line x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}" class="${name}"/>`
}

function text(x, y, content, name, anchor = 'start') {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<text x="${round(x)}" y="${round(y)}" class="${name}" text-anchor="${anchor}">${escaped}</text>`
}

function round(value) {
  return Math.round(value * 10) / 10
}
