import type { DialectCase } from '../../statement/dialects/case.ts'
import { gaussdbCases } from '../../statement/dialects/gaussdb.cases.ts'
import { materializeCases } from '../../statement/dialects/materialize.cases.ts'
import { postgresqlCases } from '../../statement/dialects/postgresql.cases.ts'
import { questdbCases } from '../../statement/dialects/questdb.cases.ts'
import { redshiftCases } from '../../statement/dialects/redshift.cases.ts'
import { gaussdbRunCases, gaussdbRuns } from './gaussdb.runs.ts'
import {
  materializeRunCases,
  materializeRuns,
  postgresqlRunCases,
  postgresqlRuns,
  questdbRunCases,
  questdbRuns,
  redshiftRunCases,
  redshiftRuns,
} from './others.runs.ts'
import { printText, type Run, type RunCase, type Runs, type Traces } from './run.ts'

/** A sentence of a document, a statement, and what it must come to. */
export interface Entry {
  readonly sentence: string
  readonly statement: string
  readonly remark?: string
  readonly run?: Run
  /** SQLSTATE and message of a statement that is wrong, or not carried out. */
  readonly refusal?: readonly [sqlState: string, message: string]
}

/** What documents say, and what becomes of it here. */
export interface Section {
  readonly title: string
  /** Beside the project; it is not part of it. */
  readonly document: string
  readonly entries: readonly Entry[]
}

export const sections: readonly Section[] = [
  section('GaussDB', 'spec/gaussdb-copy.md', gaussdbCases, gaussdbRuns, gaussdbRunCases),
  section('Materialize', 'spec/materialize-copy-from.md', materializeCases, materializeRuns, materializeRunCases),
  section('QuestDB', 'spec/questdb-copy.md', questdbCases, questdbRuns, questdbRunCases),
  section('Redshift', 'dialects.md', redshiftCases, redshiftRuns, redshiftRunCases),
  section('PostgreSQL 18', 'dialects.md', postgresqlCases, postgresqlRuns, postgresqlRunCases),
]

function section(
  title: string,
  document: string,
  cases: readonly DialectCase[],
  runs: Runs,
  more: readonly RunCase[],
): Section {
  const entries = cases.map(({ sentence, statement, error, pending, remark }): Entry => {
    const run = runs[statement]
    const refusal = error ?? (pending === undefined ? undefined : (['0A000', pending] as const))
    return {
      sentence,
      statement,
      ...(remark !== undefined && { remark }),
      ...(refusal ? { refusal } : run && { run }),
    }
  })
  return { title, document, entries: [...entries, ...more] }
}

const head = `# What the documents say, and what happens here

Each line is a test: the statement reads the input, on PostgreSQL and on DuckDB, and the table is then as shown. Written by
\`npx vitest run __test__/conformance/dialects.test.ts -u\`; do not edit. Where an option is refused for now, the message says so.

Each option of a statement was also left out, and the outcome is then another one, but for those whose reason
stands below the input. After an error the table is as it was before.

Inputs and values are written as in C, so that a tab is \`\\t\` and a backslash \`\\\\\`. Columns are those of \`t (a int, b text, c text)\` where a case does not say otherwise.
`

/** `docs/conformance.md`. */
export function renderTable(): string {
  const parts = sections.map(({ title, entries }) => {
    const lines = entries.map(({ sentence, statement, remark, run, refusal }) => {
      const said = remark === undefined ? '' : `<br>**Here:** ${cell(remark)}`
      const input = run ? `${inputOf(run)}${idleOf(run)}` : ''
      return `| ${cell(sentence)}${said} | ${code(statement)} | ${input} | ${outcomeOf(run, refusal)} |`
    })
    return `\n## ${title}\n\n| the document | the statement | the input | the table afterwards, or the error |\n|---|---|---|---|\n${lines.join('\n')}\n`
  })
  return head + parts.join('')
}

function inputOf({ before, input, shown, beside = {} }: Run): string {
  const isText = typeof input === 'string'
  const own =
    shown === undefined ? code(isText ? printText(input) : `0x${Buffer.from(input).toString('hex')}`) : cell(shown)
  const earlier = before === undefined ? '' : `after ${code(before)}: `
  const others = Object.entries(beside).map(
    ([name, content]) => `<br>beside it ${code(name)}: ${code(printText(content))}`,
  )
  return `${earlier}${own}${others.join('')}`
}

/** The options that make no difference, with the reasons. */
function idleOf({ idle = {} }: Run): string {
  const reasons = Object.entries(idle).map(([option, reason]) => {
    const [[target, why] = ['', '']] = typeof reason === 'string' ? [['', reason]] : Object.entries(reason)
    const where = target === '' ? '' : ` on ${target === 'postgres' ? 'PostgreSQL' : 'DuckDB'}`
    return `<br>${option} makes no difference${where}: ${cell(why)}`
  })
  return reasons.join('')
}

function outcomeOf(run: Run | undefined, refusal: Entry['refusal']): string {
  const error = refusal ?? run?.error
  if (error !== undefined && 'postgres' in error) {
    const { postgres, duckdb } = error
    return `PostgreSQL: ${postgres[0]}: ${cell(postgres[1])}; DuckDB: ${duckdb[0]}: ${cell(duckdb[1])}`
  }
  const [sqlState, message] = error ?? []
  if (sqlState !== undefined && message !== undefined) return `${sqlState}: ${cell(message)}`
  if (run === undefined) return ''
  const left = Object.entries(run.leaves ?? {})
    .map(([name, value]) => `; ${titles[name as keyof Traces]}: ${code(printTrace(value))}`)
    .join('')
  return `${rowsOf(run)}${left}`
}

/** How the table calls what a load leaves. */
const titles: Readonly<Record<keyof Traces, string>> = {
  printed: 'the command prints',
  notes: 'the receipt says that these change nothing',
  rawRecords: '`rawrecord` of refused rows',
  analyzed: 'PostgreSQL has statistics of',
  receipt: 'the receipt has',
}

function printTrace(value: Traces[keyof Traces]): string {
  return Array.isArray(value) ? value.map(printText).join(' | ') : JSON.stringify(value).slice(1, -1)
}

function rowsOf(run: Run): string {
  const { rows = [] } = run
  if (!Array.isArray(rows)) {
    const of = rows as Exclude<Run['rows'], readonly string[] | undefined>
    return `PostgreSQL: ${listOf(of.postgres)}; DuckDB: ${listOf(of.duckdb)}`
  }
  const table = run.table === undefined ? '' : ` of ${code(run.table.replace(/\s+/g, ' '))}`
  return `${listOf(rows)}${table}`
}

function listOf(rows: readonly string[]): string {
  return rows.length === 0 ? 'no row' : rows.map(code).join(', ')
}

function cell(text: string): string {
  return oneLine(text)
    .replaceAll('\\', '\\\\')
    .replace(/(?<!\\)\|/g, '\\|')
    .replaceAll('<', '&lt;')
}

/** Code in a cell, where a bar is one even there; blanks of an input and of values are kept. */
function code(text: string): string {
  const shown = text.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
  return shown.includes('`') ? `\`\` ${shown} \`\`` : `\`${shown}\``
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ')
}
