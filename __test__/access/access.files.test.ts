import { execFileSync, fork, spawn } from 'node:child_process'
import {
  existsSync,
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
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AccessPolicy } from '../../lib/access/policy.ts'
import { type Access, CopyError, connect, type Database, type Receipt } from '../../lib/index.ts'

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
    '..',
    'folder',
    '../s*/secret.csv',
    '../secret/*.csv',
    'folder/*.csv',
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

  test('that is none is not even opened, which would let a writer of the pipe go on', async () => {
    const gone = join(base, 'gone')
    const writer = spawn('sh', ['-c', `exec 3> "$0" && touch "$1"`, join(open, 'pipe'), gone], { stdio: 'ignore' })
    try {
      expect(await refusal(load(join(open, 'pipe'), rules()))).toMatchObject({ sqlState: '42809' })
      await new Promise((resolve) => setTimeout(resolve, 300))
      expect(existsSync(gone)).toBe(false)
    } finally {
      writer.kill()
    }
    const several = load(open, rules(), "WITH (FORMAT csv, FILES = ['good.csv', 'below'])")
    expect(await refusal(several)).toMatchObject({ sqlState: '42809' })
  })

  test('is one of a folder, or of those that a pattern in its path means', async () => {
    const paths = ({ files }: Receipt) => files.map(({ path }) => path)
    expect(paths(await load(join(open, 'below'), rules()))).toEqual([join(open, 'below/good.csv')])
    expect(paths(await load(join(open, '{good,in*}.csv'), rules()))).toEqual([
      join(open, 'good.csv'),
      join(open, 'inside.csv'),
    ])
    expect(paths(await load(join(open, 'b*/*.csv'), rules()))).toEqual([join(open, 'below/good.csv')])
    // The folder that is listed itself; of links that lead out of it none is passed over unsaid.
    expect(paths(await load(join(open, 'below'), { files: [join(open, 'below')] }))).toHaveLength(1)
    expect(await refusal(load(open, rules()))).toMatchObject({ sqlState: '42501' })
    expect(await refusal(load(join(open, '*.csv'), rules()))).toMatchObject({ sqlState: '42501' })
    expect(await refusal(load(`${open}/b*/../../secret/*.csv`, rules()))).toMatchObject({ sqlState: '42501' })
    expect(await refusal(load(join(open, 'z*.csv'), rules()))).toMatchObject({
      sqlState: '58P01',
      message: `no file below "${open}/" matches "z*.csv"`,
    })
    // What is there under such a name is meant.
    writeFileSync(join(open, 'below', 'odd[1].txt'), 'odd\n')
    expect(paths(await load(join(open, 'below/odd[1].txt'), rules()))).toEqual([join(open, 'below/odd[1].txt')])
    rmSync(join(open, 'below', 'odd[1].txt'))
  })

  test('is called by its name where it is explained, or refused', async () => {
    writeFileSync(join(open, 'below', 'zipped.zip'), 'PK\x03\x04a\0')
    const explained = (options: string) =>
      using(rules(), (db) => db.explain(`EXPLAIN COPY t FROM '${open}' (FORMAT csv, ${options})`))
    const files = [join(open, 'below/good.csv'), join(open, 'good.csv')]
    expect((await explained("FILES = ['below/good.csv', 'good.csv']")).input).toMatchObject({ files })
    expect((await explained("PATTERN = '**/good.csv'")).input).toMatchObject({ files })
    for (const [path, options] of [
      [join(open, 'below/zipped.zip'), 'CSV'],
      [join(open, 'below'), 'CSV'],
      [join(open, 'below'), "WITH (FORMAT csv, FILES = ['zipped.zip'])"],
    ] as const) {
      expect(await refusal(load(path, rules(), options))).toMatchObject({
        sqlState: '0A000',
        hint: expect.stringContaining(`unzip -p ${join(open, 'below/zipped.zip')} `),
      })
    }
    rmSync(join(open, 'below', 'zipped.zip'))
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
      ['link.*', 'dangling.*'],
      ['f*der', 'dang*-folder'],
      ['\\../secret/\\../open/good.csv', '\\../nowhere/\\../open/good.csv'],
      ['.{.,}/secret/.{.,}/open/good.csv', '.{.,}/nowhere/.{.,}/open/good.csv'],
    ] as const) {
      const [one, other] = [await refusal(of(there)), await refusal(of(missing))]
      expect(one.sqlState).toBe(other.sqlState)
      const said = ({ message }: CopyError) => message.replace(/"[^"]*"/g, '')
      expect(said(one)).toBe(said(other))
    }
    expect(await of('*low/good.csv')).toMatchObject({ rowsLoaded: 1 })
    for (const above of ['*/.\\./good.csv', '{*/..,x}/good.csv', '.\\.', '../open/good.csv']) {
      expect(await refusal(of(above))).toMatchObject({
        sqlState: '42501',
        message: `files of the pattern "${above}" may not be read`,
        detail: 'It names a folder above, by "..".',
      })
    }
    // A file has one name.
    expect(await of('{.,././.}/{good,./good}.csv')).toMatchObject({ rowsLoaded: 1 })
  })

  test('searches for them leave other files readable', async () => {
    const maze = join(base, 'maze')
    mkdirSync(maze)
    for (let number = 0; number < 10; number += 1) symlinkSync('.', join(maze, `way${number}`))
    const ended = new AbortController()
    // More than Node has threads, each for much longer than this test.
    const databases = await Promise.all(Array.from({ length: 5 }, () => connect(':memory:')))
    const statement = `COPY t FROM '${maze}' (FORMAT csv, CREATE_TABLE true, PATTERN = '${'*/'.repeat(12)}*.csv')`
    const all = Promise.allSettled(databases.map((db) => db.copy(statement, { signal: ended.signal })))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await readFile(join(open, 'good.csv'), { signal: AbortSignal.timeout(10_000) })).toBeDefined()
    ended.abort()
    for (const { status } of await all) expect(status).toBe('rejected')
    for (const db of databases) await db.close()
  })

  test('outside is not told of by what a path goes through', async () => {
    for (const through of ['secret', 'nowhere', 'secret/secret.csv', 'open/folder', 'open/dangling.csv']) {
      const path = `../${through}/${'../'.repeat(through.split('/').length)}open/good.csv`
      expect(await load(`${open}/${path}`, rules())).toMatchObject({ rowsLoaded: 1 })
      expect(await load(open, rules(), `WITH (FORMAT csv, FILES = ['${path}'])`)).toMatchObject({ rowsLoaded: 1 })
    }
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
    const folder = async (path: string) => {
      const opened = await policy?.open(join(open, path), path, place)
      await opened?.handle.close()
      return opened?.kind
    }
    expect(await folder('.')).toBe('folder')
    expect(await folder('below/../below')).toBe('folder')
    expect(await folder('good.csv')).toBe('file')
    for (const path of ['..', 'folder', '../secret', '../open-not', 'dangling-folder', '../../../etc']) {
      expect(await refusal(folder(path))).toMatchObject({
        sqlState: '42501',
        message: `file "${path}" may not be read`,
      })
    }
    expect(await refusal(folder('nowhere'))).toMatchObject({ sqlState: '58P01' })
    const file = `COPY t FROM '${join(open, 'good.csv')}' (FORMAT csv, PATTERN = '*')`
    expect(await refusal(using(rules(), (db) => db.copy(file)))).toMatchObject({ sqlState: '22023' })
  })

  test('are looked for until it is aborted', async () => {
    // Links that lead round, so that there are more ways than can be gone.
    const deep = join(open, 'deep')
    mkdirSync(join(deep, 'x/'.repeat(30)), { recursive: true })
    for (let depth = 1; depth <= 30; depth += 1) symlinkSync(deep, join(deep, 'x/'.repeat(depth), 'round'))
    try {
      for (const access of [rules(), undefined]) {
        const started = performance.now()
        const looked = using(access, (db) =>
          db.copy(`COPY t FROM '${deep}' (FORMAT csv, PATTERN = '${'**/round/'.repeat(9)}y')`, {
            signal: AbortSignal.timeout(300),
          }),
        )
        expect(await refusal(looked)).toMatchObject({ sqlState: '57014' })
        expect(performance.now() - started).toBeLessThan(5000)
      }
    } finally {
      rmSync(deep, { recursive: true })
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

test('a folder that is exchanged while its files are listed tells nothing of another', async () => {
  const outside = join(base, 'elsewhere')
  const race = join(open, 'exchanged')
  for (const folder of [outside, race, join(race, 'real')]) mkdirSync(folder)
  writeFileSync(join(outside, 'untold.csv'), 'secret\n')
  writeFileSync(join(race, 'real', 'file.csv'), 'good\n')
  symlinkSync(outside, join(race, 'other'))
  const script = join(base, 'exchange-folders.mjs')
  writeFileSync(
    script,
    `import { renameSync } from 'node:fs'
const race = process.argv[2]
process.on('disconnect', () => process.exit())
const turns = [['real', 'away'], ['other', 'real'], ['real', 'other'], ['away', 'real']]
const turn = () => {
  for (let i = 0; i < 200; i++) for (const [from, to] of turns) renameSync(race + '/' + from, race + '/' + to)
  setImmediate(turn)
}
turn()
process.send('ready')
`,
  )
  const child = fork(script, [race], { stdio: 'ignore' })
  try {
    await new Promise((resolve) => child.once('message', resolve))
    const ends = { loaded: 0, refused: 0 }
    await using(rules(), async (db) => {
      for (const until = Date.now() + 20_000; Date.now() < until && ends.loaded + ends.refused < 1500; ) {
        await db.copy(`COPY t FROM '${join(race, 'real')}' (FORMAT csv, PATTERN = '*.csv')`).then(
          () => {
            ends.loaded += 1
          },
          (error: CopyError) => {
            expect(error.message).not.toContain('untold')
            ends.refused += 1
          },
        )
      }
    })
    expect(ends.loaded).toBeGreaterThan(10)
    expect(ends.refused).toBeGreaterThan(10)
  } finally {
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.disconnect()
    await ended
    rmSync(race, { recursive: true })
  }
})
