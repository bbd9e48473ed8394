import type { DiagnosisCure, Evidence, Findings } from '../diagnosis.ts'
import type { CopyOptions } from '../statement/ast.ts'
import { candidatesFor, headers } from './candidates.ts'
import { type Candidate, type CureKit, columnName, isNullWord, isUnread, splitFields } from './kit.ts'
import { load, loadValues, tryCure } from './trials.ts'

/** Groups that cures are looked for, so that a load with errors of all kinds does not end late. */
const MOST_GROUPS = 30

/** Lines before the data that are taken for a preamble. */
const MOST_SKIPPED = 20

/** Names of columns in a note. */
const COLUMNS_SHOWN = 3

/**
 * What would cure each group, the best first. Nothing is said that was not tried. `start` has the refused rows that the input begins with,
 * if a row follows that was not refused.
 */
export async function findCures(
  groups: readonly Findings[],
  { options: given, ...more }: CureKit,
  start: readonly Evidence[] = [],
): Promise<Map<Findings, DiagnosisCure[]>> {
  // Lines that are skipped are none of the records that are tried.
  const { skip: skippedBefore = 0, ...options } = given
  const kit: CureKit = { ...more, options }
  const cures = new Map<Findings, DiagnosisCure[]>()
  const shown = groups.slice(0, MOST_GROUPS)
  const preamble = await preambleOf(start, kit, skippedBefore)
  const nullWords = new Set<string>()
  const noteOnNull = otherNulls(shown, kit)
  const unread = kit.columns.filter(({ type }) => isUnread(type)).map(({ name }) => name)
  for (const group of shown) {
    const tried = group.evidence.length
    const skipped = preamble === undefined ? 0 : group.evidence.filter(({ line }) => line <= preamble.lastLine).length
    const first = preamble && skipped > 0 ? [{ ...preamble.cure, cured: skipped, tried }] : []
    if (skipped > 0 && skipped === group.rows) {
      cures.set(group, first)
      continue
    }
    let found: (DiagnosisCure & Pick<Candidate, 'unless' | 'isAside'>)[] = []
    let most = 0
    for (const candidates of candidatesFor(group, kit)) {
      const before = most
      for (const candidate of candidates) {
        const { cured, left } = await tryCure(candidate, group, kit)
        if (cured <= before) continue
        const { kind, reason, change, options, unless, isAside = false } = candidate
        let note =
          candidate.note === undefined || left === undefined ? (candidate.note ?? left) : `${candidate.note}; ${left}`
        if (options?.null !== undefined && options.format === undefined) {
          nullWords.add(options.null)
          note = [note, await noteOnNull(options.null, group.error.column)].filter(Boolean).join('; ')
        }
        // Of a record as a whole all fields are tried, but for these.
        if (group.error.column === undefined && unread.length > 0) {
          note = [note, `${listed(unread)} not tried: only the database reads the type`].filter(Boolean).join('; ')
        }
        found.push({
          kind,
          ...(reason !== undefined && { reason }),
          change,
          ...(note !== undefined && { note }),
          cured,
          tried,
          ...(unless !== undefined && { unless }),
          isAside,
        })
        if (!isAside) most = Math.max(most, cured)
      }
      if (found.some(({ cured }) => cured === tried)) break
    }
    found = found.filter(({ cured, unless, isAside }) => {
      const isSaid = found.some((other) => other.change === unless && other.cured >= cured)
      return (cured >= most && !isSaid) || isAside
    })
    const said = [...first, ...found.map(({ unless: _, isAside: __, ...cure }) => cure)]
    if (said.length > 0) cures.set(group, said)
  }
  return nullWords.size > 1 ? withOneNull(cures) : cures
}

/** A statement has one word for NULL. */
function withOneNull(cures: ReadonlyMap<Findings, DiagnosisCure[]>): Map<Findings, DiagnosisCure[]> {
  const noted = (cure: DiagnosisCure) =>
    /^NULL /.test(cure.change) ? { ...cure, note: `${cure.note}; only one word can be NULL` } : cure
  return new Map(Array.from(cures, ([group, found]) => [group, found.map(noted)]))
}

/**
 * Where else a word would be NULL then, and would not have been refused: in which columns, and in how many of the rows that are at hand.
 * Of rows that were loaded nobody knows, which is said.
 */
function otherNulls(
  groups: readonly Findings[],
  kit: CureKit,
): (word: string, but?: string) => Promise<string | undefined> {
  // Both are found out once, however many columns have the word.
  const columnsByWord = new Map<string, number[]>()
  let rows: string[][] | undefined
  const columnsWith = async (word: string) => {
    const known = columnsByWord.get(word)
    if (known) return known
    const columns: number[] = []
    for (const [index, column] of kit.columns.entries()) {
      if (isUnread(column.type) || (await loadValues([word], column, kit)) === 1) columns.push(index)
    }
    columnsByWord.set(word, columns)
    return columns
  }
  return async (word, but) => {
    const columns = (await columnsWith(word)).filter((index) => kit.columns[index]?.name !== but)
    if (columns.length === 0) return undefined
    const records = new Set(groups.flatMap(({ evidence }) => evidence.map(({ raw }) => raw)))
    rows ??= Array.from(records, (raw) => splitFields(raw.toString(), kit.options, true))
    const count = rows.filter((fields) => columns.some((index) => fields[index] === word)).length
    const where = listed(columns.map((index) => kit.columns[index]?.name ?? ''))
    return `it would be NULL in ${where}, too: in ${count} of ${rows.length} rejected rows looked at, loaded rows were not counted`
  }
}

function listed(columns: readonly string[]): string {
  const names = columns.slice(0, COLUMNS_SHOWN).map(columnName)
  const more = columns.length - names.length
  return `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Lines before the data, and the change that passes over them. */
async function preambleOf(
  start: readonly Evidence[],
  kit: CureKit,
  skippedBefore: number,
): Promise<
  { readonly cure: Pick<DiagnosisCure, 'kind' | 'reason' | 'change'>; readonly lastLine: number } | undefined
> {
  const { options } = kit
  const last = start.at(-1)
  if (last === undefined || start.length > MOST_SKIPPED || options.header === 'match') return undefined
  // A header alone is another matter.
  if (start.length === 1 && headers(start, kit).length > 0) return undefined
  // The line that was taken for the header is before them; then the last of them is the header.
  const hasHeader = options.header === 'true'
  // The names may be others than the table's.
  const isHeader =
    !hasHeader && start.length === 1 && splitFields(last.raw.toString(), options).length === kit.columns.length
  const records = [...(hasHeader ? [Buffer.from('-')] : []), ...start.map(({ raw }) => raw)]
  const count = hasHeader ? records.length - 1 : records.length
  // A record of several lines is none of a preamble.
  if (last.line !== skippedBefore + records.length) return undefined
  try {
    for (const row of start) if (!(await isNoData(row, kit))) return undefined
    // The last of them once more, in place of the row that follows.
    const change: Partial<CopyOptions> = isHeader ? { header: 'true' } : { skip: count }
    const changed = { ...kit, options: { ...options, ...change } }
    const { rowsRead, headerLines } = await load(changed, [...records, last.raw])
    if (rowsRead !== 1 || headerLines !== (hasHeader || isHeader ? 1 : 0)) return undefined
  } catch {
    return undefined
  }
  const reason = count === 1 ? 'the first line is not data' : `the first ${inWords(count)} lines are not data`
  return {
    cure: { kind: 'option', reason, change: isHeader ? 'HEADER' : `SKIP ${skippedBefore + count}` },
    lastLine: last.line,
  }
}

/** Whether nothing of it is a value of its column. */
async function isNoData({ raw }: Evidence, kit: CureKit): Promise<boolean> {
  const fields = splitFields(raw.toString(), kit.options).map((field) => field.trim())
  const filled = fields.filter((field) => field !== '').length
  if (filled === 0) return kit.columns.length > 1
  const options: CopyOptions = { ...kit.options, header: 'false', fillMissingFields: 'multi', ignoreExtraData: true }
  const { refused } = await load({ ...kit, options }, [raw])
  const flaws = refused.get(0)?.flaws ?? []
  const typed = kit.columns.flatMap(({ type }, index) => {
    const isText = isUnread(type) || /^(?:text|varchar|bpchar)$/.test(type.kind)
    return isText || (fields[index] ?? '') === '' ? [] : [index]
  })
  if (typed.length === 0) return filled === 1 && kit.columns.length > 1
  const isWrong = (index: number) => flaws.some(({ column }) => column === index) && !isNullWord(fields[index] ?? '')
  return typed.every(isWrong) && (typed.length > 1 || fields.length !== kit.columns.length)
}

function inWords(count: number): string {
  return ['', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'][count] ?? String(count)
}
