import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { setTimeout as sleep } from 'node:timers/promises'
import { getSystemErrorMap } from 'node:util'
import type { CopyCallOptions } from '../copy-call.ts'
import type { Database } from '../database.ts'
import { CopyError } from '../errors.ts'
import type { Explanation } from '../explanation.ts'
import type { Receipt } from '../receipt.ts'
import type { Explain, Statement } from '../statement/ast.ts'
import { refusePending } from '../statement/execution.ts'
import { parseStatement } from '../statement/parser.ts'
import { untilAborted } from '../until-aborted.ts'
import { type Command, type CopyCommand, parseArguments, UsageError, wantsJson } from './args.ts'
import { chooseDestination, type Destination, redact } from './destination.ts'
import { formatExplanation } from './explanation.ts'
import { renderHelp } from './help.ts'
import { canDraw, ProgressBar } from './progress.ts'
import { formatDiagnosis, mayReject, mostDiagnosed, Notices, type RejectReport, verbosityOf } from './rejects.ts'
import {
  exitCodeOf,
  exitCodes,
  formatError,
  formatErrorJson,
  formatExplanationJson,
  formatReceipt,
  messageOf,
} from './report.ts'

/** Runs the command for `process` and answers with its exit code. Never rejects. */
export async function run(process: NodeJS.Process): Promise<number> {
  const words = process.argv.slice(2)
  const { env, stdout, stderr } = process
  // Whoever reads the output may stop reading, and a disk may be full; what was loaded is loaded all the same.
  let unprinted: NodeJS.ErrnoException | undefined
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (!isClosedPipe(error)) unprinted = error
  })
  // There is nowhere left to say so.
  stderr.on('error', () => {})
  let destination: Destination | undefined
  let statement: Statement | undefined
  let command: Command | undefined
  const interruption = new Interruption(process)
  try {
    command = parseArguments(words)
    if (command.kind === 'help') {
      await print(stdout, renderHelp(stdout.columns || 80))
      return exitCodes.loaded
    }
    if (command.kind === 'version') {
      await print(stdout, `copyist ${packageVersion()}\n`)
      return exitCodes.loaded
    }
    // What is wrong with the statement shows before anything is connected to.
    const text = await statementText(command)
    statement = parseStatement(text)
    if (statement.kind !== 'explain') refusePending(statement)
    if (command.rejects !== undefined && !mayReject(statement)) {
      const isExplain = statement.kind === 'explain'
      const hint = isExplain
        ? 'Write EXPLAIN VALIDATE, which reads the rows.'
        : 'Give the statement the option ON_ERROR skip_row; by default the first error ends the load.'
      throw new UsageError('option "--rejects" needs a statement that goes on after errors', hint)
    }
    destination = chooseDestination(command.to, env)
    if (statement.kind === 'explain') return await explain(process, command, text, statement, destination, interruption)
    const receipt = await withDatabase(process, command, statement, destination, interruption, (db, call) =>
      db.copy(text, call),
    )
    const database = destination.isFallback ? destination.target : undefined
    if (command.json) await print(stdout, `${JSON.stringify(receipt)}\n`)
    else if (!command.quiet) {
      const { rejects: file } = command
      const width = stdout.isTTY ? stdout.columns : undefined
      const report: RejectReport = {
        verbosity: verbosityOf(statement),
        ...(file !== undefined && { file }),
        mostDiagnosed: mostDiagnosed(statement, command.maxRejects),
        ...(width !== undefined && { width }),
      }
      await print(stdout, `${formatReceipt(receipt, database, report)}\n`)
      for (const { option, reason } of receipt.notes ?? []) await print(stderr, `NOTICE:  ${option}: ${reason}\n`)
      if (receipt.ledgerProblem !== undefined) {
        await print(
          stderr,
          `NOTICE:  this load is not recorded: ${redact(receipt.ledgerProblem, destination.target, env)}\n`,
        )
      }
    }
    if (unprinted !== undefined) {
      await print(stderr, `WARNING:  the rows are loaded, but the receipt could not be written: ${unprinted.message}\n`)
    }
    return exitCodes.loaded
  } catch (error) {
    const json = wantsJson(words)
    const { exitCode } = interruption
    if (exitCode !== undefined) {
      await print(stderr, json ? `${interruptedJson}\n` : 'interrupted; nothing was loaded\n')
      return exitCode
    }
    const hide = (text: string) => redact(text, destination?.target, env)
    await print(stderr, `${json ? formatErrorJson(error, hide) : hide(formatError(error))}\n`)
    const isTalkative = !json && !(command?.kind === 'copy' && command.quiet) && verbosityOf(statement) !== 'silent'
    if (isTalkative && error instanceof CopyError && error.diagnosis !== undefined) {
      const width = stderr.isTTY ? stderr.columns : undefined
      await print(stderr, `\n${formatDiagnosis(error.diagnosis, width).join('\n')}\n`)
    }
    return exitCodeOf(error)
  } finally {
    interruption.dispose()
  }
}

const interruptedJson = JSON.stringify({
  error: { code: 'query_canceled', sqlState: '57014', message: 'interrupted; nothing was loaded' },
})

/** How long an interrupted command waits for what it has begun to open. */
const CLOSING_MS = 150

/** Says what the statement would do; the exit code is that of the load. */
async function explain(
  process: NodeJS.Process,
  command: CopyCommand,
  text: string,
  statement: Explain,
  destination: Destination,
  interruption: Interruption,
): Promise<number> {
  const { stdout, stderr, env } = process
  const explanation = await withDatabase(process, command, statement, destination, interruption, (db, call) =>
    db.explain(text, call),
  )
  const { failure } = explanation
  const hide = (text: string) => redact(text, destination.target, env)
  if (command.json) {
    await print(stdout, `${formatExplanationJson(explanation, hide)}\n`)
  } else {
    if (!command.quiet)
      await print(stdout, `${formatExplanation(explanation, stdout.isTTY ? stdout.columns : undefined)}\n`)
    if (failure !== undefined) await print(stderr, `${hide(formatError(failure))}\n`)
  }
  return failure === undefined ? exitCodes.loaded : exitCodeOf(failure)
}

async function withDatabase<Result extends Receipt | Explanation>(
  process: NodeJS.Process,
  command: CopyCommand,
  statement: Statement,
  destination: Destination,
  interruption: Interruption,
  use: (db: Database, call: CopyCallOptions) => Promise<Result>,
): Promise<Result> {
  // Only a load needs the drivers and the native addon.
  const { connect } = await import('../index.ts')
  const { retentionDays: days } = command
  const connecting = connect(destination.target, {
    ...(days !== undefined && { ledger: { retention: { days } } }),
    ...(command.config !== undefined && { config: command.config }),
  })
  const db = await untilAborted(connecting, interruption.signal).catch(async (error: unknown) => {
    // A file that this makes is removed when it is closed. A server that does not answer is not waited for.
    const closed = connecting.then((late) => late.close()).catch(() => {})
    await Promise.race([closed, sleep(CLOSING_MS)])
    throw error
  })
  const { stdin, stderr, env } = process
  const isTalkative = !command.quiet && !command.json
  const bar = isTalkative && canDraw(stderr, env) ? new ProgressBar(stderr, env) : undefined
  const copy = statement.kind === 'explain' ? statement.statement : statement
  const fromStdin = copy.kind === 'copy from' && copy.source.kind === 'stdin'
  const notices =
    isTalkative && verbosityOf(statement) === 'verbose'
      ? new Notices((line) => {
          bar?.clear()
          stderr.write(`${line}\n`)
        }, inputOf(copy))
      : undefined
  const createTable = command.createTable ?? (destination.isFallback ? true : undefined)
  try {
    const mayRead = statement.kind !== 'explain' || statement.validate || createTable === true
    if (fromStdin && mayRead && stdin.isTTY && !command.quiet) {
      const key = process.platform === 'win32' ? 'Ctrl-Z and Enter' : 'Ctrl-D'
      await print(stderr, `Enter the rows, one a line. End with ${key} on a line of its own.\n`)
    }
    const result = await use(db, {
      signal: interruption.signal,
      ...(fromStdin && { stdin }),
      // The bar would be drawn into what is being typed.
      ...(bar && !(fromStdin && stdin.isTTY) && { onProgress: (progress) => bar.update(progress) }),
      ...(command.threads !== undefined && { threads: command.threads }),
      ...(command.memoryLimit !== undefined && { memoryLimit: command.memoryLimit }),
      ...(createTable !== undefined && { createTable }),
      ...(command.rejects !== undefined && { rejects: command.rejects }),
      ...(command.maxRejects !== undefined && { maxRejects: command.maxRejects }),
      ...(command.maxRejectBytes !== undefined && { maxRejectBytes: command.maxRejectBytes }),
      ...(command.ledger !== undefined && { ledger: command.ledger }),
      ...(notices && { onReject: notices.take, onReplace: notices.takeReplaced }),
    })
    const rest = 'rowsLoaded' in result ? notices?.rest(result, command.rejects) : undefined
    for (const line of rest ?? []) {
      bar?.clear()
      await print(stderr, `${line}\n`)
    }
    return result
  } finally {
    bar?.clear()
    // An open standard input would keep the process alive.
    if (fromStdin) stdin.destroy()
    // The transaction is over by now, one way or the other, and that is what the exit code tells.
    await db.close().catch(async (error) => {
      await print(stderr, `${redact(`WARNING:  ${messageOf(error)}`, destination.target, env)}\n`)
    })
  }
}

/** What rows are said to be in, unless it is one of several files. */
function inputOf(statement: Statement): string | undefined {
  if (statement.kind !== 'copy from') return undefined
  return statement.source.kind === 'file' ? statement.source.path : 'STDIN'
}

/** The statement from the command line or from the file that is named there. */
async function statementText({ statement }: CopyCommand): Promise<string> {
  if ('text' in statement) return statement.text
  try {
    const bytes = await readFile(statement.file)
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new UsageError(`cannot read the statement from "${statement.file}": ${unreadable(error)}`)
  }
}

/** Why, without what Node puts around it: the code before, the call and the path after. */
function unreadable(error: unknown): string {
  if (error instanceof TypeError) return 'it is not UTF-8'
  const { errno } = error as NodeJS.ErrnoException
  const reason = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]
  return reason ?? messageOf(error)
}

/**
 * SIGINT and SIGTERM: the first asks the load to stop and roll back, the second ends the process at once, in case it
 * cannot.
 */
class Interruption {
  readonly #process: NodeJS.Process
  readonly #controller = new AbortController()
  readonly #onInterrupt = () => this.#interrupt(exitCodes.interrupted)
  readonly #onTerminate = () => this.#interrupt(exitCodes.terminated)
  #exitCode: number | undefined

  constructor(process: NodeJS.Process) {
    this.#process = process
    process.on('SIGINT', this.#onInterrupt)
    process.on('SIGTERM', this.#onTerminate)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** The code to exit with; undefined while no signal has come. */
  get exitCode(): number | undefined {
    return this.#exitCode
  }

  dispose(): void {
    this.#process.off('SIGINT', this.#onInterrupt)
    this.#process.off('SIGTERM', this.#onTerminate)
  }

  #interrupt(exitCode: number): void {
    if (this.#exitCode !== undefined) this.#process.exit(exitCode)
    this.#exitCode = exitCode
    this.#controller.abort()
  }
}

/** Resolves when the text is out, or when nobody reads it any more. */
function print(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve) => {
    stream.write(text, () => resolve())
  })
}

function isClosedPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED'
}

function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  return version
}
