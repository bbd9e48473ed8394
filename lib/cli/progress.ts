import type { Progress } from '../receipt.ts'
import { formatBytes, formatDuration, formatRate, formatRows } from './figures.ts'

/** The part of a terminal's stream that the bar needs. */
export interface TerminalStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** At most 20 updates a second. */
const updateIntervalMs = 50
/** A load that is over sooner needs no bar. */
const patienceMs = 200
const widestBar = 30
const narrowestBar = 8
const eraseLine = '\r\u001b[2K'
const green = '\u001b[32m'
const plain = '\u001b[39m'

/** Whether a bar can be drawn on this stream: a real terminal, not the log of a CI machine. */
export function canDraw(stream: TerminalStream, environment: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && environment.TERM !== 'dumb' && !environment.CI
}

/** One line on a terminal that is drawn again and again, and leaves nothing behind. */
export class ProgressBar {
  readonly #stream: TerminalStream
  readonly #color: boolean
  readonly #now: () => number
  #lastUpdate = Number.NEGATIVE_INFINITY
  #isDrawn = false

  /** `now` answers with milliseconds. */
  constructor(stream: TerminalStream, environment: NodeJS.ProcessEnv, now: () => number = () => performance.now()) {
    this.#stream = stream
    // https://no-color.org: any value but the empty one.
    this.#color = !environment.NO_COLOR
    this.#now = now
  }

  update(progress: Progress): void {
    const now = this.#now()
    if (progress.elapsedMs < patienceMs || now - this.#lastUpdate < updateIntervalMs) return
    this.#lastUpdate = now
    // The last column stays free: some terminals go to the next line as soon as it is written.
    const line = formatProgress(progress, (this.#stream.columns || 80) - 1)
    const colored = this.#color ? line.replace(/\[([=>]+)/, `[${green}$1${plain}`) : line
    this.#stream.write(eraseLine + colored)
    this.#isDrawn = true
  }

  /** Takes the bar off the terminal. */
  clear(): void {
    if (this.#isDrawn) this.#stream.write(eraseLine)
    this.#isDrawn = false
  }
}

/** The line for a terminal of `width` columns: as much as fits, the most important first. */
export function formatProgress(progress: Progress, width: number): string {
  const { bytesRead, bytesTotal, rowsRead, rowsPerSecond, elapsedMs, etaMs } = progress
  const rows = formatRows(rowsRead)
  const rate = formatRate(rowsPerSecond)
  if (bytesTotal === undefined || bytesTotal === 0) {
    return firstThatFits(width, [
      [formatBytes(bytesRead), rows, rate, formatDuration(elapsedMs)],
      [formatBytes(bytesRead), rows, rate],
      [formatBytes(bytesRead), rows],
      [formatBytes(bytesRead)],
    ])
  }
  const fraction = Math.min(1, bytesRead / bytesTotal)
  const percent = `${String(Math.floor(fraction * 100)).padStart(3)}%`
  const bytes = `${formatBytes(bytesRead)} of ${formatBytes(bytesTotal)}`
  const eta = etaMs === undefined ? [] : [`${formatDuration(etaMs)} left`]
  const line = firstThatFits(width, [
    [percent, bytes, rows, rate, ...eta],
    [percent, bytes, rate, ...eta],
    [percent, rate, ...eta],
    [percent, ...eta],
    [percent],
  ])
  const room = width - line.length - '  []'.length
  if (room < narrowestBar) return line
  return `${percent}  [${bar(fraction, Math.min(room, widestBar))}]${line.slice(percent.length)}`
}

function bar(fraction: number, cells: number): string {
  const full = Math.floor(fraction * cells)
  return full === cells ? '='.repeat(cells) : `${'='.repeat(full)}>`.padEnd(cells)
}

/** The first candidate that is no longer than `width`, or what fits of the last one. */
function firstThatFits(width: number, candidates: readonly (readonly string[])[]): string {
  const lines = candidates.map((parts) => parts.join('  '))
  return lines.find((line) => line.length <= width) ?? (lines.at(-1) ?? '').slice(0, Math.max(0, width))
}
