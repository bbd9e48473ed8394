import { execFileSync, fork } from 'node:child_process'
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AccessPolicy } from '../../lib/access/policy.ts'
import { type Access, CopyError, connect, type Database } from '../../lib/index.ts'

let base: string
let open: string
let secret: string

beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'copyist-access-')))
  open = join(base, 'open')
  secret = join(base, 'secret')
  for (const folder of [open, secret, join(open, 'below'), join(base, 'open-not')]) mkdirSync(folder)
  writeFileSync(join(open, 'good.csv'), 'good\n')
  writeFileSync(join(open, 'below', 'good.csv'), 'good\n')
  for (const folder of [secret, join(base, 'open-not')]) writeFileSync(join(folder, 'secret.csv'), 'secret\n')
  symlinkSync(join(secret, 'secret.csv'), join(open, 'link.csv'))
  symlinkSync(secret, join(open, 'folder'))
  symlinkSync(join(open, 'good.csv'), join(secret, 'inwards.csv'))
  symlinkSync('good.csv', join(open, 'inside.csv'))
  symlinkSync('loop.csv', join(open, 'loop.csv'))
  symlinkSync(join(secret, 'nowhere.csv'), join(open, 'dangling.csv'))
  symlinkSync(join(secret, 'nowhere'), join(open, 'dangling-folder'))
  execFileSync('mkfifo', [join(open, 'pipe')])
})
afterAll(() => rmSync(base, { recursive: true, force: true }))

async function using<Result>(access: Access | undefined, work: (db: Database) => Promise<Result>): Promise<Result> {
  const db = await connect(':memory:', access === undefined ? {} : { access })
  try {
    await db.copy('COPY t (a) FROM STDIN CSV', { stdin: 'first\n', createTable: true })
    return await work(db)
  } finally {
    await db.close()
  }
}

const load = (path: string, access: Access | undefined, options = 'CSV', call: { access?: Access } = {}) =>
  using(access, (db) => db.copy(`COPY t FROM '${path}' ${options}`, call))

const refusal = async (work: Promise<unknown>): Promise<CopyError> => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(CopyError)
  return error as CopyError
}

const rules = (): Access => ({ files: [open] })

describe('a file', () => {
  test.each(['good.csv', 'below/good.csv', 'below/../good.csv', './/good.csv', 'inside.csv', '../secret/inwards.csv'])(
    'below a folder that is listed: %s',
    async (path) => expect(await load(join(open, '/') + path, rules())).toMatchObject({ rowsLoaded: 1 }),
  )

  test('by a URL, and by a path from here', async () => {
    expect(await load(pathToFileURL(join(open, 'good.csv')).href, rules())).toMatchObject({ rowsLoaded: 1 })
    const relative = execFileSync('realpath', ['--relative-to=.', join(open, 'good.csv')], { encoding: 'utf8' }).trim()
    expect(await load(relative, rules())).toMatchObject({ rowsLoaded: 1, files: [{ path: relative }] })
  })

  test('below a folder that is listed by a link to it', async () => {
    expect(await load(join(secret, 'secret.csv'), { files: [join(open, 'folder')] })).toMatchObject({ rowsLoaded: 1 })
  })

  test.each([
    '../secret/secret.csv',
    'link.csv',
    'folder/secret.csv',
    'below/../../secret/secret.csv',
    '../open-not/secret.csv',
    '../secret/nowhere.csv',
    'folder/nowhere.csv',
    'dangling.csv',
    'dangling.csv/x',
    'dangling-folder/nowhere.csv',
    'loop.csv',
    '../../../../../../../../etc/passwd',
    '../secret',
    '.',
    'folder',
    '../secret/secret.csv/x',
  ])('anywhere else: %s', async (path) => {
    const name = `${open}/${path}`
    expect(await refusal(load(name, rules()))).toMatchObject({
      code: 'insufficient_privilege',
      sqlState: '42501',
      // The same words for what is there and for what is not.
      message: `file "${name}" may not be read`,
      detail: 'It is in none of the folders from which files may be read here.',
    })
  })

  test.each([
    '/etc/passwd',
    '/proc/self/environ',
    '/proc/self/fd/0',
    '/dev/stdin',
    '/dev/zero',
    '/proc/self/root/etc/passwd',
  ])('of the system: %s', async (path) =>
    expect(await refusal(load(path, rules()))).toMatchObject({ sqlState: '42501' }),
  )

  test('that is not there, where it would be allowed', async () => {
    for (const name of ['nowhere.csv', 'no/where.csv']) {
      expect(await refusal(load(join(open, name), rules()))).toMatchObject({ sqlState: '58P01' })
    }
  })

  test('that is none', async () => {
    for (const name of ['pipe', 'below']) {
      expect(await refusal(load(join(open, name), rules()))).toMatchObject({ sqlState: '42809' })
    }
  })

  test('is not read at all where everything is closed', async () => {
    for (const access of ['closed', {}] as const) {
      expect(await refusal(load(join(open, 'good.csv'), access))).toMatchObject({ sqlState: '42501' })
      expect(await using(access, (db) => db.copy('COPY t FROM STDIN', { rows: [['x']] }))).toMatchObject({
        rowsLoaded: 1,
      })
    }
  })

  test('is read by whom nothing is said', async () => {
    expect(await load(join(open, 'link.csv'), undefined)).toMatchObject({ rowsLoaded: 1 })
    expect(await load(join(open, 'link.csv'), 'open')).toMatchObject({ rowsLoaded: 1 })
  })

  test('has to be allowed by the connection and by the statement', async () => {
    const path = join(open, 'below', 'good.csv')
    const of = (outer: Access | undefined, access: Access) => load(path, outer, 'CSV', { access })
    expect(await of(rules(), { files: [base] })).toMatchObject({ rowsLoaded: 1 })
    expect(await of(undefined, { files: [join(open, 'below')] })).toMatchObject({ rowsLoaded: 1 })
    expect(await of(rules(), 'open')).toMatchObject({ rowsLoaded: 1 })
    for (const access of ['closed', { files: [secret] }] as const) {
      expect(await refusal(of(rules(), access))).toMatchObject({ sqlState: '42501' })
    }
    expect(await refusal(of('closed', 'open'))).toMatchObject({ sqlState: '42501' })
  })

  test('is one of several', async () => {
    const of = (path: string, options: string) => load(path, rules(), `WITH (FORMAT csv, ${options})`)
    const receipt = await of(open, "FILES = ['below/good.csv', 'good.csv', 'inside.csv']")
    expect(receipt.files.map(({ path, rows }) => [path, rows])).toEqual([
      [join(open, 'below/good.csv'), 1],
      [join(open, 'good.csv'), 1],
      [join(open, 'inside.csv'), 1],
    ])
    expect(await of(open, "PATTERN = '**/good.csv'")).toMatchObject({ rowsLoaded: 2 })
    for (const [path, options] of [
      [open, "FILES = ['good.csv', 'link.csv']"],
      [open, "FILES = ['good.csv', '../secret/secret.csv']"],
      [open, "PATTERN = '{good,link}.csv'"],
      [open, "PATTERN = '../secret/*.csv'"],
      [secret, "PATTERN = '*.csv'"],
      [join(open, 'folder'), "PATTERN = '*.csv'"],
      [base, "PATTERN = 'open/good.csv'"],
    ] as const) {
      expect(await refusal(of(path, options))).toMatchObject({ sqlState: '42501' })
    }
  })

  test('outside is not told of by patterns, whether it is there or not', async () => {
    const of = (pattern: string) => load(open, rules(), `WITH (FORMAT csv, PATTERN = '${pattern}')`)
    // Each with what is there, and the like of it that is not.
    for (const [there, missing] of [
      ['../secret/s*.csv', '../secret/z*.csv'],
      ['../s[e]cret/*.csv', '../s[f]cret/*.csv'],
      ['folder/s[e]cret.csv', 'folder/s[f]cret.csv'],
      ['folder/**', 'nowhere/**'],
      ['{below,folder}/s[e]cret.csv', '{below,folder}/s[f]cret.csv'],
    ] as const) {
      const [one, other] = [await refusal(of(there)), await refusal(of(missing))]
      expect(one.sqlState).toBe(other.sqlState)
      expect(one.message.replaceAll(there, '')).toBe(other.message.replaceAll(missing, ''))
    }
    expect(await of('*low/good.csv')).toMatchObject({ rowsLoaded: 1 })
  })

  // What a link to the same bytes is called, nobody can tell.
  test('with another name outside is read by the one inside', async () => {
    linkSync(join(secret, 'secret.csv'), join(open, 'hard.csv'))
    expect(await load(join(open, 'hard.csv'), rules())).toMatchObject({ rowsLoaded: 1 })
  })

  test('is closed after the load, and after one that fails', async () => {
    const before = descriptors()
    await load(join(open, 'good.csv'), rules())
    await refusal(load(join(open, 'good.csv'), rules(), 'CSV WHERE a = 1'))
    await refusal(using(rules(), (db) => db.copy(`COPY nowhere FROM '${join(open, 'good.csv')}' CSV`)))
    await load(open, rules(), "WITH (FORMAT csv, PATTERN = '**/good.csv')")
    await refusal(load(open, rules(), "WITH (FORMAT csv, FILES = ['good.csv', 'link.csv'])"))
    expect(descriptors()).toEqual(before)
  })
})

describe('several files', () => {
  const place = { text: '', offset: 0 }

  test('are opened all, or none', async () => {
    const policy = AccessPolicy.of(rules())
    const good = join(open, 'good.csv')
    const before = descriptors()
    const opened = await policy?.openFiles([good, join(open, 'below/good.csv'), good], place)
    expect(opened?.map(({ path }) => readFileSync(path, 'utf8'))).toEqual(['good\n', 'good\n', 'good\n'])
    for (const { handle } of opened ?? []) await handle.close()
    const refused = policy?.openFiles([good, join(open, 'link.csv')], place)
    expect(await refusal(refused ?? Promise.resolve())).toMatchObject({ sqlState: '42501' })
    expect(descriptors()).toEqual(before)
  })

  test('are listed in folders that are allowed', async () => {
    const policy = AccessPolicy.of(rules())
    const folder = async (path: string) => policy?.folder(join(open, path), path, place)
    expect(await folder('.')).toBe(open)
    expect(await folder('below/../below')).toBe(join(open, 'below'))
    for (const path of ['..', 'folder', '../secret', '../open-not', 'nowhere', 'dangling-folder', '../../../etc']) {
      expect(await refusal(folder(path))).toMatchObject({
        sqlState: '42501',
        message: `file "${path}" may not be read`,
      })
    }
  })
})

/** What this process has open below the folder of the tests. */
function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`)
      return path.startsWith(base) ? [path] : []
    } catch {
      return []
    }
  })
}

test('SQL is not run for statements that are not trusted', async () => {
  const where = `COPY t FROM '${join(open, 'good.csv')}' CSV WHERE 1 < 2`
  expect(await refusal(using(rules(), (db) => db.copy(where)))).toMatchObject({
    sqlState: '42501',
    message: 'WHERE is not allowed here',
    statement: { offset: where.indexOf('1 < 2') },
  })
  const allowed: Access = { files: [open], sql: true }
  expect(await using(allowed, (db) => db.copy(where))).toMatchObject({ rowsLoaded: 1 })
  expect(await refusal(using(allowed, (db) => db.copy(where, { access: rules() })))).toMatchObject({
    sqlState: '42501',
  })
  expect(await refusal(using(rules(), (db) => db.copy(where, { access: allowed })))).toMatchObject({
    sqlState: '42501',
  })
})

// A name is looked up more than once between a check and a read. What is exchanged meanwhile: the file, and a folder above it.
test.each(['race/file.csv', 'race/folder/file.csv'])('links that change while they are looked at: %s', async (name) => {
  const race = join(base, 'open', 'race')
  rmSync(race, { recursive: true, force: true })
  mkdirSync(race)
  mkdirSync(join(race, 'real'))
  const outside = join(base, 'outside')
  mkdirSync(outside, { recursive: true })
  writeFileSync(join(race, 'real', 'file.csv'), 'good\n')
  writeFileSync(join(outside, 'file.csv'), 'secret\n')
  const script = join(base, 'exchange.mjs')
  // A rename is atomic: one of the two is always there.
  writeFileSync(
    script,
    `import { renameSync, symlinkSync } from 'node:fs'
const [from, inside, outside] = process.argv.slice(2)
process.on('disconnect', () => process.exit())
const turn = () => {
  for (let i = 0; i < 200; i++) for (const to of [inside, outside]) { symlinkSync(to, from + '.new'); renameSync(from + '.new', from) }
  setImmediate(turn)
}
turn()
process.send('ready')
`,
  )
  const isFolder = name.includes('folder')
  const link = isFolder ? join(race, 'folder') : join(race, 'file.csv')
  const [inside, outer] = isFolder
    ? [join(race, 'real'), outside]
    : [join(race, 'real', 'file.csv'), join(outside, 'file.csv')]
  const child = fork(script, [link, inside, outer], { stdio: 'ignore' })
  try {
    await new Promise((resolve) => child.once('message', resolve))
    const policy = AccessPolicy.of(rules())
    const ends = { read: 0, refused: 0 }
    // As often as it takes for either to have happened: one that never did would prove nothing.
    const isEnough = () => ends.read >= 200 && ends.refused >= 200
    for (const until = Date.now() + 40_000; Date.now() < until && !isEnough(); ) {
      const opened = await policy?.openFile(join(open, name), name, { text: '', offset: 0 }).catch((error: unknown) => {
        expect(error).toMatchObject({ sqlState: expect.stringMatching(/^(?:42501|58P01)$/) })
      })
      if (opened) {
        expect(readFileSync(opened.path, 'utf8')).toBe('good\n')
        await opened.handle.close()
        ends.read += 1
      } else ends.refused += 1
    }
    expect(ends.read).toBeGreaterThan(20)
    expect(ends.refused).toBeGreaterThan(20)
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.disconnect()
    await ended
  }
})
