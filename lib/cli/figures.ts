/** Numbers as people read them. Always in English, so that the output is the same everywhere. */

const grouped = new Intl.NumberFormat('en-US')
const threeDigits = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 3 })

/** `3,376` */
export function formatCount(count: number): string {
  return grouped.format(count)
}

/** `1 row`, `3,376 rows` */
export function formatRows(rows: number): string {
  return `${formatCount(rows)} ${rows === 1 ? 'row' : 'rows'}`
}

/** `281,000 rows/s`: three digits, for the rest is noise. */
export function formatRate(rowsPerSecond: number): string {
  return `${threeDigits.format(Number.isFinite(rowsPerSecond) ? rowsPerSecond : 0)} rows/s`
}

const byteUnits = ['B', 'KB', 'MB', 'GB', 'TB', 'PB']

/** `210 KB`, in powers of 1000 as disks and file managers count. */
export function formatBytes(bytes: number): string {
  let value = bytes
  let unit = 0
  // 999.6 would be shown as "1,000".
  while (Number(value.toPrecision(3)) >= 1000 && unit < byteUnits.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : threeDigits.format(value)} ${byteUnits[unit]}`
}

/** `12 ms`, `3.45 s`, `2 min 5 s`, `1 h 2 min` */
export function formatDuration(milliseconds: number): string {
  const ms = Math.max(0, milliseconds)
  if (ms < 999.5) return `${Math.max(1, Math.round(ms))} ms`
  if (ms < 59_950) return `${threeDigits.format(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  const minutes = Math.round(seconds / 60)
  return `${formatCount(Math.floor(minutes / 60))} h ${minutes % 60} min`
}
