import type { ErrorPolicy } from './ast.ts'
import type { OnError } from './options.ts'
import type { Given } from './rule.ts'

/** Which rows an option tolerates. */
export type Tolerance = Pick<ErrorPolicy, 'conversion' | 'structure' | 'constraint'>

/** PostgreSQL's `ignore` means values only; the other words are ours. */
const onErrors: Readonly<Record<OnError, Tolerance>> = {
  stop: { conversion: 'stop', structure: 'stop', constraint: 'stop' },
  ignore: { conversion: 'skip_row', structure: 'stop', constraint: 'stop' },
  skip_row: { conversion: 'skip_row', structure: 'skip_row', constraint: 'skip_row' },
  set_null: { conversion: 'set_null', structure: 'stop', constraint: 'stop' },
  set_default: { conversion: 'set_default', structure: 'stop', constraint: 'stop' },
}

/** GaussDB records what is wrong with the data while they are parsed (its class DATA_EXCEPTION), and nothing that comes later. */
const logErrors: Tolerance = { conversion: 'skip_row', structure: 'skip_row', constraint: 'stop' }

/** The options that say what is tolerated. */
export const policyKeys = ['on_error', 'log errors', 'maxerror', 'ignoreallerrors'] as const
/** The options that say how much is. */
export const limitKeys = ['reject_limit', 'reject limit', 'maxerror'] as const

/** What an option tolerates; undefined when it is not given, or says that it is not meant. */
export function toleranceOf(given: Given, key: (typeof policyKeys)[number]): Tolerance | undefined {
  switch (key) {
    case 'on_error':
      return given.on_error && onErrors[given.on_error.value]
    case 'log errors':
      return given['log errors']?.value ? logErrors : undefined
    // Redshift enforces no constraint but NOT NULL, whose violation it counts as an error like any other. Where constraints
    // are enforced, a load that tolerates all that Redshift finds would be ended by what Redshift would have loaded.
    case 'maxerror':
      return given.maxerror && onErrors[given.maxerror.value > 1 ? 'skip_row' : 'stop']
    case 'ignoreallerrors':
      return given.ignoreallerrors?.value ? onErrors.skip_row : undefined
  }
}

/** Whether two options tolerate the same. */
export function isSame(a: Tolerance, b: Tolerance): boolean {
  return a.conversion === b.conversion && a.structure === b.structure && a.constraint === b.constraint
}

/** Whether anything is tolerated. */
export function isTolerant(tolerance: Tolerance): boolean {
  return !isSame(tolerance, onErrors.stop)
}

/** The policy of options that do not contradict each other. */
export function settleErrors(given: Given): ErrorPolicy {
  const tolerance = policyKeys.map((key) => toleranceOf(given, key)).find((found) => found !== undefined)
  const limit = limitOf(given)
  return {
    ...(tolerance ?? onErrors.stop),
    ...(limit && { limit }),
    verbosity: given.log_verbosity?.value ?? 'default',
  }
}

function limitOf(given: Given): ErrorPolicy['limit'] {
  if (given.reject_limit) return { ...given.reject_limit.value, name: 'REJECT_LIMIT' }
  if (given['log errors']?.value) {
    const most = given['reject limit']?.value ?? 0
    return most === 'unlimited' ? undefined : { kind: 'rows', most, name: 'REJECT LIMIT' }
  }
  // Redshift fails at this number, all others above theirs. 0 and 1 both mean the first, which is to stop.
  if (given.maxerror && given.maxerror.value > 1) {
    return { kind: 'rows', most: given.maxerror.value - 1, name: 'MAXERROR' }
  }
  return undefined
}

/** The options that say this policy, in their canonical spelling. */
export function printErrors(errors: ErrorPolicy): string[] {
  const printed: string[] = []
  const { limit } = errors
  if (isSame(errors, logErrors)) {
    const most = limit === undefined ? 'unlimited' : String(limit.most)
    printed.push('LOG ERRORS')
    // 0 cannot be written: it is what holds when no limit is.
    if (most !== '0') printed.push(`REJECT LIMIT '${most}'`)
  } else if (limit?.name === 'MAXERROR') printed.push(`MAXERROR ${limit.most + 1}`)
  else {
    const word = (Object.keys(onErrors) as OnError[]).find((key) => isSame(errors, onErrors[key]))
    if (word !== undefined && word !== 'stop') printed.push(`ON_ERROR ${word}`)
    if (limit) printed.push(`REJECT_LIMIT ${limit.kind === 'ratio' ? `'${limit.most}%'` : limit.most}`)
  }
  if (errors.verbosity !== 'default') printed.push(`LOG_VERBOSITY ${errors.verbosity}`)
  return printed
}
