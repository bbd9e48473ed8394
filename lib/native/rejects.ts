import type { Addon } from './addon.ts'
import type { BindingErrorCode, BindingRejects } from './binding.d.ts'
import type { NativeFlaw, NativeReject } from './load.ts'

/** See {@link BindingRejects.told}. */
type Told = readonly [
  file: number,
  position: number,
  line: number,
  lastLine: number,
  byteOffset: number,
  byteLength: number,
  rawLength: number,
  isCut: boolean,
  isMended: boolean,
  recordsBefore: number,
  flaws: readonly (string | number | null)[],
  told?: readonly (string | number | null)[],
]

/** Of one addon: they do not change. */
const codesOf = new WeakMap<Addon, readonly BindingErrorCode[]>()

/** Reads what the addon tells of refused records; `names` are those of its inputs. */
export function readRejects(addon: Addon, { told, raw }: BindingRejects, names: readonly string[]): NativeReject[] {
  let codes = codesOf.get(addon)
  if (codes === undefined) {
    codes = addon.errorCodes()
    codesOf.set(addon, codes)
  }
  const rejects: NativeReject[] = []
  let at = 0
  for (const record of JSON.parse(told) as Told[]) {
    const [number, position, line, lastLine, byteOffset, byteLength, rawLength, isCut, isMended, recordsBefore] = record
    const parts = record[10]
    const values = record[11]
    const file = names[number] ?? ''
    const flaws: NativeFlaw[] = []
    for (let part = 0; part < parts.length; part += 5) flaws.push(flawAt(parts, part, codes))
    const start = at
    at += rawLength
    const bytes = raw.subarray(start, at)
    const reject: NativeReject = {
      file,
      fileIndex: number,
      position,
      line,
      lastLine,
      byteOffset,
      byteLength,
      flaws,
      raw: bytes,
      isCut,
      isMended,
      recordsBefore,
    }
    rejects.push(values === undefined ? reject : { ...reject, told: toldOf(values) })
  }
  return rejects
}

function toldOf(values: NonNullable<Told[11]>): NonNullable<NativeReject['told']> {
  const told: [number, string | null][] = []
  for (let at = 0; at < values.length; at += 2) told.push([values[at] as number, values[at + 1] as string | null])
  return told
}

/** Written out for each kind there is: objects that are put together from parts cost several times as much. */
function flawAt(parts: Told[10], at: number, codes: readonly BindingErrorCode[]): NativeFlaw {
  const column = parts[at] as number
  const { code, sqlState } = codes[parts[at + 1] as number] ?? UNKNOWN
  const message = parts[at + 2] as string
  const detail = parts[at + 3] as string | null
  const value = parts[at + 4] as string | null
  if (column >= 0 && detail === null && value !== null) return { column, code, sqlState, message, value }
  return {
    ...(column >= 0 && { column }),
    code,
    sqlState,
    message,
    ...(detail !== null && { detail }),
    ...(value !== null && { value }),
  }
}

/** Of an addon that is not ours. */
const UNKNOWN: BindingErrorCode = { code: 'internal_error', sqlState: 'XX000' }
