import type { ExplainedColumn, ExplainedInput, ExplainedLoad, Explanation } from '../explanation.ts'
import type { LineageKind } from '../statement/ast.ts'
import { formatBytes, formatCount, formatRows } from './figures.ts'
import { formatDiagnosis } from './rejects.ts'

/** The explanation for people. Lines are separated by `\n`; there is none at the end. */
export function formatExplanation(explanation: Explanation, width?: number): string {
  const { input, header, table, columns, load, validation, alreadyLoaded, notes } = explanation
  const lines = [...entry('dialect', dialectOf(explanation)), ...entry('target', targetOf(explanation))]
  if (input) lines.push(...entry('input', inputOf(input)))
  if (header) {
    lines.push(...entry('header', `${header.isHeader ? 'the first record' : 'none'}, since ${header.reason}`))
  }
  lines.push('', 'options', ...formatOptions(explanation))
  if (notes) lines.push('', 'notes', ...notes.map(({ option, reason }) => `  ${option}: ${reason}`))
  if (columns) lines.push('', 'columns', ...formatColumns(columns))
  if (load) lines.push('', 'load', ...formatLoad(load))
  if (table?.ddl !== undefined) lines.push('', `${table.ddl};`)
  if (alreadyLoaded) {
    const { id, loadedAt } = alreadyLoaded
    lines.push('', `Nothing would be loaded: this LOAD_KEY was loaded at ${loadedAt} (load ${id}).`)
  }
  if (validation) lines.push('', ...formatValidation(explanation, width))
  else if (load) lines.push('', 'The rows were not validated; EXPLAIN VALIDATE does that.')
  if (load && explanation.unchecked.length > 0) {
    lines.push('', 'not checked', ...explanation.unchecked.map((what) => `  ${what}`))
  }
  return lines.join('\n')
}

function entry(name: string, value: string): string[] {
  return [`${name.padEnd(9)}${value}`]
}

function dialectOf({ dialect: { name, found, word } }: Explanation): string {
  if (found === 'default') return `${name}, since no word of the statement tells another`
  return found === 'words' ? `${name}, told by ${word}` : `${name}, given`
}

function targetOf({ target, table }: Explanation): string {
  if (table === undefined) return target
  return `${target}, table ${table.name}${table.exists ? '' : ', which would be created'}`
}

function inputOf({ name, kind, bytes, compression, read }: ExplainedInput): string {
  const size =
    bytes === undefined
      ? kind === 'stream' || kind === 'remote'
        ? ', of unknown size'
        : ''
      : `, ${formatBytes(bytes)}`
  const packed = compression === undefined ? '' : compression === 'none' ? ', not compressed' : `, ${compression}`
  return `${name}${size}${packed}; ${read === 'nothing' ? 'nothing' : read} of it was read`
}

function formatOptions({ options }: Explanation): string[] {
  return table(
    options.map(({ option, value, origin }) => [
      option,
      value,
      origin === 'dialect' ? 'by the dialect' : origin === 'default' ? 'by default' : 'given',
    ]),
  )
}

function formatColumns(columns: readonly ExplainedColumn[]): string[] {
  return table(
    columns.map(({ name, type, isLoaded, from, decodedBy, conversions, notNull, detected }) => [
      isLoaded || type !== undefined ? name : '—',
      type ?? '',
      `${isLoaded ? '←' : type === undefined ? '' : 'left out:'} ${sourceOf(from)}`.trim(),
      [
        ...(decodedBy === 'the database' ? ['read by the database'] : []),
        ...conversions,
        ...(notNull ? ['NULL is refused'] : []),
        ...(detected === undefined ? [] : [detected]),
      ].join('; '),
    ]),
  )
}

const lineageInWords: Readonly<Record<LineageKind, string>> = {
  file: 'name of the file',
  line: 'line in the file',
  offset: 'byte in the file',
  load_id: 'id of the load',
  etag: 'ETag of the object',
  last_modified: 'last change of the file',
  size: 'size of the file',
}

function sourceOf(from: ExplainedColumn['from']): string {
  switch (from.kind) {
    case 'field':
      return from.name === undefined ? `field ${from.number}` : `field ${from.number}, ${from.name}`
    case 'place':
      return `${from.length} from ${from.offset}`
    case 'constant':
      return `constant '${from.value}'`
    case 'sequence':
      return `counted from ${from.start} by ${from.increment}`
    case 'lineage':
      return lineageInWords[from.of]
    case 'partition':
      return `"${from.key}=" in the path`
    case 'default':
      return 'its default'
    case 'null':
      return 'NULL'
    case 'generated':
      return 'generated'
  }
}

function formatLoad(load: ExplainedLoad): string[] {
  const { transport, transaction, connections, threads, tileSize, tiles, maxRecord, errors, onConflict } = load
  const size = formatBytes(tileSize)
  const parts =
    tiles === undefined ? `parts of ${size}` : tiles === 1 ? 'one part' : `${formatCount(tiles)} parts of ${size}`
  const way =
    transport === 'vectors'
      ? 'DuckDB vectors'
      : transport === 'binary'
        ? "PostgreSQL's binary COPY"
        : "PostgreSQL's TEXT COPY"
  const { conversion, structure, constraint, limit, judgedBy } = errors
  const conflict = onConflict && [
    'ON CONFLICT',
    onConflict.keys ? `(${onConflict.keys.join(', ')}) ` : '',
    `${onConflict.action}, the ${onConflict.keep} row of a key counts`,
  ]
  return table([
    ['split', `${parts}, cut at records, ${threads === 1 ? 'one decoder thread' : `${threads} decoder threads`}`],
    ['records', `at most ${formatBytes(maxRecord)} long`],
    [
      'travel as',
      `${way} over ${connections === 1 ? 'one connection' : `${connections} connections`}, in ${transaction === 'its own' ? 'one transaction' : 'the transaction that is open'}`,
    ],
    [
      'errors',
      `values ${conversion}, records ${structure}, constraints ${constraint}${limit === undefined ? '' : `; at most ${limit}`}`,
    ],
    ['', judgedBy],
    ...(conflict ? [['conflicts', conflict.slice(1).join('')]] : []),
  ])
}

function formatValidation({ validation, failure }: Explanation, width: number | undefined): string[] {
  if (validation === undefined) return []
  const { rowsRead, rowsValidated, rowsFiltered, rowsRejected, rowsReplaced, diagnosis } = validation
  const verdict = failure === undefined ? 'would be loaded' : 'could be loaded'
  return [
    `${formatCount(rowsValidated)} of ${formatRows(rowsRead)} ${verdict}`,
    ...(rowsFiltered > 0 ? [`${formatRows(rowsFiltered)} held back by WHEN`] : []),
    ...(rowsReplaced > 0
      ? [`${formatRows(rowsReplaced)} with NULL or a default in place of a value that does not fit`]
      : []),
    ...(rowsRejected > 0 ? [`${formatRows(rowsRejected)} with errors`] : []),
    ...(diagnosis ? ['', ...formatDiagnosis(diagnosis, width)] : []),
  ]
}

/** Columns of texts, the last one of any width. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, cell] of row.entries())
      widths[at] = Math.max(widths[at] ?? 0, at === row.length - 1 ? 0 : cell.length)
  }
  return rows.map((row) => `  ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')}`.trimEnd())
}
