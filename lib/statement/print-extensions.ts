/** How the options are written that PostgreSQL does not have. Parsing them gives the same options. */
import type { Clause, CopyOptions, Dialect, FixedLayout } from './ast.ts'
import type { DatePattern } from './date-patterns.ts'
import { printName, printNames, printString } from './printing.ts'

/** The options of `options` beyond PostgreSQL's, in parentheses, as `dialect` (absent: PostgreSQL's) needs them said. */
export function printExtensions(options: CopyOptions, dialect: Dialect | undefined): string[] {
  return [
    ...printLayout(options, dialect),
    ...printColumns(options),
    ...printValues(options, dialect),
    ...printLoad(options),
  ]
}

function printLayout(options: CopyOptions, dialect: Dialect | undefined): string[] {
  const { eol, backslash, useEof, fixed, skipBlankLines } = options
  const printed: string[] = []
  if (fixed) printed.push(...printFixed(fixed))
  if (eol !== undefined) printed.push(`EOL ${printString(eol)}`)
  if (backslash === 'next') printed.push('BACKSLASH_ESCAPE')
  // In Redshift it is so anyway.
  if (backslash === 'none' && dialect !== 'redshift') printed.push('NOESCAPING')
  if (useEof) printed.push('USEEOF')
  if (skipBlankLines) printed.push('SKIP_BLANK_LINES')
  return printed
}

/** Redshift's widths, or GaussDB's places. */
export function printFixed({ unit, fields, match }: FixedLayout): string[] {
  if (match === 'order') return [`FIXEDWIDTH ${printString(printWidths(fields))}`]
  const clause = `FORMATTER ${printClause({ kind: 'formatter', fields })}`
  return unit === 'chars' ? [clause, 'UNIT chars'] : [clause]
}

/** `label:width,…`; a label that would not stay one is replaced. */
export function printWidths(fields: FixedLayout['fields']): string {
  return fields.map(({ name, length }) => `${name.value.replaceAll(/[,:]/g, '_')}:${length}`).join(',')
}

function printColumns(options: CopyOptions): string[] {
  const { timestampColumn, partitionBy, transform, when, sequence, filler, constant, mapByName, byPosition } = options
  const { lineage, hivePartitioning } = options
  const printed: string[] = []
  if (timestampColumn) printed.push(`TIMESTAMP ${printString(timestampColumn.value)}`)
  if (partitionBy) printed.push(`PARTITION BY ${partitionBy.toUpperCase()}`)
  if (transform) printed.push(`TRANSFORM ${printClause({ kind: 'transform', columns: transform })}`)
  if (when) printed.push(`WHEN ${printClause({ kind: 'when', condition: when })}`)
  if (sequence) printed.push(`SEQUENCE ${printClause({ kind: 'sequence', columns: sequence })}`)
  if (filler) printed.push(`FILLER ${printNames(filler)}`)
  if (constant) printed.push(`CONSTANT ${printClause({ kind: 'constant', columns: constant })}`)
  if (lineage) printed.push(`LINEAGE ${printClause({ kind: 'lineage', columns: lineage })}`)
  if (hivePartitioning) printed.push('HIVE_PARTITIONING')
  if (mapByName) printed.push('MAP BY NAME')
  if (byPosition) printed.push('MAP BY NAME false')
  return printed
}

/** One pattern, or several in parentheses. */
export function printPatterns(pattern: DatePattern): string {
  return typeof pattern === 'string' ? printString(pattern) : `(${pattern.map(printString).join(', ')})`
}

function printValues(options: CopyOptions, dialect: Dialect | undefined): string[] {
  const { dateFormats, acceptAnyDate, blanksAsNull, emptyAsNull, trimBlanks, removeQuotes, decimals } = options
  const printed: string[] = []
  for (const key of ['date', 'time', 'timestamp', 'smalldatetime'] as const) {
    const pattern = dateFormats?.[key]
    if (pattern !== undefined) printed.push(`${key.toUpperCase()}_FORMAT ${printPatterns(pattern)}`)
  }
  if (acceptAnyDate) printed.push('ACCEPT_ANY_DATE')
  if (blanksAsNull) printed.push('BLANKS_AS_NULL')
  if (emptyAsNull === 'all') printed.push('EMPTY_AS_NULL')
  if (trimBlanks) printed.push('TRIM_BLANKS')
  if (removeQuotes) printed.push('REMOVE_QUOTES')
  // Elsewhere numbers are rounded anyway.
  if (dialect === 'redshift' && decimals === undefined) printed.push('ROUNDEC')
  return printed
}

function printLoad({ explicitIds, validateOnly, analyze, freeze, remote }: CopyOptions): string[] {
  const printed: string[] = []
  if (explicitIds) printed.push('EXPLICIT_IDS')
  if (validateOnly) printed.push('VALIDATE_ONLY')
  if (analyze) printed.push('STATUPDATE')
  if (freeze) printed.push('FREEZE')
  if (!remote) return printed
  const { iamRole, credentials, region, manifest, compression, connection, files, pattern } = remote
  if (iamRole !== undefined) printed.push(`IAM_ROLE ${printString(iamRole)}`)
  if (credentials) printed.push(credentials === true ? "CREDENTIALS '***=***'" : "CREDENTIALS '***'")
  if (region !== undefined) printed.push(`REGION ${printString(region)}`)
  if (manifest) printed.push('MANIFEST')
  if (compression === 'lzop') printed.push('LZOP')
  else if (compression !== undefined) printed.push(`COMPRESSION ${printString(compression)}`)
  if (connection !== undefined) printed.push(`AWS CONNECTION = ${printString(connection)}`)
  if (files !== undefined) printed.push(`FILES = ${printArray(files)}`)
  if (pattern !== undefined) printed.push(`PATTERN = ${printString(pattern)}`)
  return printed
}

export function printArray(items: readonly string[]): string {
  return `[${items.map(printString).join(', ')}]`
}

/** What follows the name of an option with a grammar of its own. */
export function printClause(clause: Clause): string {
  switch (clause.kind) {
    case 'formatter':
      return list(clause.fields, ({ name, offset, length }) => `${printName(name)} (${offset}, ${length})`)
    case 'transform':
      return list(clause.columns, ({ column, type, expression }) => {
        const ofType = type ? ` ${type.sql}` : ''
        return `${printName(column)}${ofType}${expression ? ` AS ${expression.sql}` : ''}`
      })
    case 'when': {
      const { subject, operator, value } = clause.condition
      const what = subject.kind === 'range' ? `(${subject.start} - ${subject.end})` : printName(subject.name)
      return `${what} ${operator} ${printString(value)}`
    }
    case 'sequence':
      return list(clause.columns, ({ column, start, increment }) => {
        const step = increment === 1 ? '' : `, ${increment}`
        return `${printName(column)} (${start}${step})`
      })
    case 'constant':
      return list(clause.columns, ({ column, value }) => `${printName(column)} ${printString(value)}`)
    case 'lineage':
      return list(clause.columns, ({ column, of }) =>
        column.value === of && !column.quoted ? of : `${printName(column)} ${of}`,
      )
  }
}

function list<Item>(items: readonly Item[], print: (item: Item) => string): string {
  return `(${items.map(print).join(', ')})`
}
