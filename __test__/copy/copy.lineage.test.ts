import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import { Store } from '../servers/store.ts'
import { useFolder } from './inputs.ts'
import { type Bench, benches } from './targets.ts'

const FLIGHTS = fileURLToPath(new URL('../../node_modules/vega-datasets/data/flights-200k.arrow', import.meta.url))

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench
  let store: Store
  const folder = useFolder('copyist-lineage-')
  const { file } = folder

  beforeAll(async () => {
    store = await Store.start({ pageSize: 2 })
    bench = await open({ connections: { here: { endpoint: store.url, region: 'us-east-1', anonymous: true } } })
    const double = name === 'postgres' ? 'double precision' : 'double'
    await bench.sql('CREATE TABLE t (id integer, note text, f text, l bigint, o bigint)')
    await bench.sql(
      'CREATE TABLE about (id integer, note text, load uuid, tag text, bytes bigint, changed timestamp with time zone)',
    )
    await bench.sql('CREATE TABLE parts (id integer, note text, year integer, month text, day date)')
    await bench.sql(`CREATE TABLE flights (delay ${double}, l bigint, f text)`)
  })

  afterAll(async () => {
    await bench.close()
    await store.stop()
  })

  beforeEach(async () => {
    for (const table of ['t', 'about', 'parts', 'flights']) await bench.sql(`DELETE FROM ${table}`)
  })

  const rows = () => bench.sql('SELECT id, f, l, o FROM t ORDER BY f, o, id')
  const remote = 'AWS CONNECTION = here'
  const LINEAGE = 'LINEAGE (f file, l line, o offset)'
  const failure = async (load: Promise<unknown>): Promise<CopyError> => {
    const error = await load.then(
      () => undefined,
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(CopyError)
    return error as CopyError
  }

  /** That each row is where it says it is: its record begins with its id, in that line. */
  async function checkPlaces(
    contents: Readonly<Record<string, Buffer>>,
    count: number,
    separator = ',',
  ): Promise<void> {
    const found = await bench.sql('SELECT id, f, l, o FROM t ORDER BY f, o')
    expect(found.length).toBe(count)
    let [counted, lines, last] = [0, 1, '']
    const wrong = found.filter(([id, path = '', line, offset]) => {
      const content = contents[path ?? ''] ?? Buffer.alloc(0)
      if (path !== last) [counted, lines, last] = [0, 1, path ?? '']
      const at = Number(offset)
      for (; counted < at; counted += 1) if (content[counted] === 10) lines += 1
      const begins = content.toString('latin1', at, at + `${id}${separator}`.length) === `${id}${separator}`
      return !begins || Number(line) !== lines
    })
    expect(wrong).toEqual([])
  }

  describe('LINEAGE', () => {
    test.each([
      ['csv', (id: number) => `${id},note ${id}`, 'FORMAT csv, HEADER', 'id,note'],
      [
        'csv with records of several lines',
        (id: number) => `${id},"${'a\nb'.repeat(id % 3)}"`,
        'FORMAT csv, HEADER',
        'id,note',
      ],
      ['csv behind skipped lines', (id: number) => `${id},note`, 'FORMAT csv, SKIP 2, HEADER', 'x"y\nz\nid,note'],
      ['text', (id: number) => `${id},note\\\n${id}`, "FORMAT text, DELIMITER ','", undefined],
      ['fixed', (id: number) => `${id},`.padEnd(9), 'FORMATTER (id (0, 6), note (7, 2))', undefined],
    ] as const)(
      '%s: line and offset of every row of several files, by several threads',
      async (_, record, options, header) => {
        const contents: Record<string, Buffer> = {}
        let id = 100_000
        for (const [path, count] of [
          ['a', 9_000],
          ['b', 3],
          ['c', 20_000],
        ] as const) {
          const lines: string[] = header === undefined ? [] : [header]
          for (const end = id + count; id < end; id += 1) lines.push(record(id))
          const content = Buffer.from(`${lines.join('\n')}\n`)
          const at = file(`places/${path}.txt`, content)
          contents[at] = content
        }
        const list = _ === 'fixed' ? '' : ' (id, note, f, l, o)'
        const statement = `COPY t${list} FROM '${folder.path}/places' (${options}, ${LINEAGE})`
        const receipt = await bench.db.copy(statement, { threads: 4, memoryLimit: 2 * 1024 * 1024 })
        expect(receipt).toMatchObject({ rowsLoaded: 29_003 })
        if (_ === 'text') {
          const [first] = await bench.sql(`SELECT min(l), max(l), count(DISTINCT o) FROM t WHERE f LIKE '%/a.txt'`)
          // A line end behind a backslash ends no line for PostgreSQL.
          expect(first).toEqual(['1', '9000', '9000'])
        } else await checkPlaces(contents, 29_003)
      },
    )

    test('small files that are taken together, and the rows behind those that are refused or passed over', async () => {
      const contents: Record<string, Buffer> = {}
      for (let number = 0; number < 400; number += 1) {
        const lines = [
          'id,note',
          `${number},a`,
          'x,bad',
          `${number},b`,
          '9999,none',
          '',
          `${number},"c\nd"`,
          `${number},e`,
        ]
        const content = Buffer.from(`${lines.join('\n')}\n`)
        contents[file(`small/${String(number).padStart(3, '0')}.csv`, content)] = content
      }
      const options = "FORMAT csv, HEADER, ON_ERROR skip_row, SKIP_BLANK_LINES, WHEN note != 'none'"
      const receipt = await bench.db.copy(`COPY t FROM '${folder.path}/small' (${options}, ${LINEAGE})`, { threads: 4 })
      expect(receipt).toMatchObject({ rowsLoaded: 1600, rowsRejected: 400, rowsFiltered: 400, blankLines: 400 })
      await checkPlaces(contents, 1600)
      const [lines] = await bench.sql(`SELECT min(l), max(l), sum(l) FROM t WHERE f LIKE '%/007.csv'`)
      expect(lines).toEqual(['2', '9', String(2 + 4 + 7 + 9)])
    })

    test('offsets are bytes of the file, whatever its encoding, and of what was compressed of the text inside', async () => {
      const text = 'id,note\r\n1,äöü\r\n2,"x\r\ny"\r\n3,z'
      file('utf16/a.csv', Buffer.from(`\ufeff${text}`, 'utf16le'))
      await bench.db.copy(`COPY t FROM '${folder.path}/utf16/a.csv' (FORMAT csv, HEADER, ENCODING 'UTF16', ${LINEAGE})`)
      const at = (part: string) => String(2 + 2 * text.indexOf(part))
      expect((await rows()).map(([id, , line, offset]) => [id, line, offset])).toEqual([
        ['1', '2', at('1,')],
        ['2', '3', at('2,')],
        ['3', '5', at('3,')],
      ])
      await bench.sql('DELETE FROM t')
      file('zipped/a.csv.gz', gzipSync('id,note\n1,a\n2,b\n'))
      await bench.db.copy(`COPY t FROM '${folder.path}/zipped/a.csv.gz' (FORMAT csv, HEADER, ${LINEAGE})`)
      expect((await rows()).map(([id, , line, offset]) => [id, line, offset])).toEqual([
        ['1', '2', '8'],
        ['2', '3', '12'],
      ])
    })

    test('of a stream it is STDIN, and what only files have is NULL', async () => {
      await bench.db.copy(`COPY t FROM STDIN (FORMAT csv, ${LINEAGE})`, { stdin: '1,a\n2,b\n' })
      expect(await rows()).toEqual([
        ['1', 'STDIN', '1', '0'],
        ['2', 'STDIN', '2', '4'],
      ])
      const about = 'LINEAGE (load load_id, tag etag, bytes size, changed last_modified)'
      const { id } = await bench.db.copy(`COPY about FROM STDIN (FORMAT csv, ${about})`, { stdin: '1,a\n' })
      expect(await bench.sql('SELECT * FROM about')).toEqual([['1', 'a', id, null, null, null]])
      await bench.sql('DELETE FROM about')
      // A stream that had to be kept is none of the temporary file's.
      await bench.db.copy(`COPY about FROM STDIN (FORMAT csv, MAP BY NAME, ${about})`, {
        stdin: ['id,note\n', `1,${'x'.repeat(1024 * 1024)}\n`],
        memoryLimit: 1024 * 1024 * 16,
      })
      expect(await bench.sql('SELECT id, tag, bytes, changed FROM about')).toEqual([['1', null, null, null]])
    })

    test('rows of a program have numbers for lines, and no bytes', async () => {
      const statement = (what: string) => `COPY t FROM STDIN (LINEAGE (f file, l line${what}))`
      await bench.db.copy(statement(''), {
        rows: [
          { id: 1, note: 'a\nb' },
          { id: 2, note: 'b' },
        ],
      })
      expect((await rows()).map((row) => row.slice(0, 3))).toEqual([
        ['1', 'STDIN', '1'],
        ['2', 'STDIN', '2'],
      ])
      const { sqlState, message } = await failure(bench.db.copy(statement(', o offset'), { rows: [{ id: 1 }] }))
      expect([sqlState, message]).toEqual(['0A000', 'COPY LINEAGE offset cannot be used with the option "rows"'])
    })

    test('what there is to know of local files', async () => {
      const plain = file('about/a.csv', '1,a\n')
      const packed = file('about/b.csv.gz', gzipSync('2,b\n'))
      utimesSync(plain, 1_700_000_000, 1_700_000_000.25)
      utimesSync(packed, 0, 86_400)
      const about = 'LINEAGE (load load_id, tag etag, bytes size, changed last_modified)'
      const { id } = await bench.db.copy(`COPY about FROM '${folder.path}/about' (FORMAT csv, ${about})`)
      const changed = 'CAST(round(extract(epoch FROM changed) * 1000) AS bigint)'
      expect(await bench.sql(`SELECT id, note, load, tag, bytes, ${changed} FROM about ORDER BY id`)).toEqual([
        ['1', 'a', id, null, '4', '1700000000250'],
        ['2', 'b', id, null, String(statSync(packed).size), '86400000'],
      ])
    })

    test('what the load has in common stays that beside names of any length', async () => {
      const names = ['a.csv', 'much-longer.csv', 'm=1/b.csv', 'c.csv']
      for (const name of names) file(`common/${name}`, '1,x\n2,y\n')
      await bench.sql('CREATE TABLE common (id integer, note text, f text, load text, k text)')
      for (const options of ['', ', ON_ERROR skip_row']) {
        const made = "LINEAGE (f file, load load_id), CONSTANT (k 'of every row')"
        const files = `FILES = [${names.map((name) => `'${name}'`).join(', ')}]`
        const load = `COPY common FROM '${folder.path}/common' (FORMAT csv, ${files}, ${made}${options})`
        const { id } = await bench.db.copy(load, { threads: 1 })
        expect(
          await bench.sql('SELECT f, load, k, count(*) FROM common GROUP BY f, load, k ORDER BY length(f), f'),
        ).toEqual(
          ['a.csv', 'c.csv', 'm=1/b.csv', 'much-longer.csv'].map((name) => [
            join(folder.path, 'common', name),
            id,
            'of every row',
            '2',
          ]),
        )
        await bench.sql('DELETE FROM common')
      }
      await bench.sql('DROP TABLE common')
    })

    test.each([
      ['listed', "'s3://bucket/in'", ''],
      ['named one by one', "'s3://bucket/in'", ", FILES = ['a.csv', 'b.csv']"],
      ['read twice', "'s3://bucket/in'", ', MAP BY NAME, HEADER'],
    ])('what there is to know of objects that are %s', async (_, from, options) => {
      const objects = ['a', 'b'].map((key) =>
        store.put('bucket', `in/${key}.csv`, `id,note\n${key === 'a' ? 1 : 2},x\n`),
      )
      const about = 'LINEAGE (load load_id, tag etag, bytes size, changed last_modified)'
      const header = options.includes('HEADER') ? '' : ', HEADER'
      await bench.db.copy(`COPY about FROM ${from} (FORMAT csv${header}${options}, ${about}, ${remote})`)
      const changed = 'CAST(round(extract(epoch FROM changed)) AS bigint)'
      const found = await bench.sql(`SELECT id, tag, bytes, ${changed} FROM about ORDER BY id`)
      expect(found).toEqual(
        objects.map(({ etag, body, lastModified }, index) => [
          String(index + 1),
          etag.replaceAll('"', ''),
          String(body.length),
          String(Math.floor(lastModified.getTime() / 1000)),
        ]),
      )
    })

    test('the record of a load has the tag and the time of each object', async () => {
      const objects = ['a', 'b'].map((key) => store.put('bucket', `told/${key}.csv`, `1,${key}\n`))
      const names = "FILES = ['a.csv', 'b.csv']"
      const receipt = await bench.db.copy(
        `COPY t (id, note) FROM 's3://bucket/told' (FORMAT csv, ${names}, ${remote})`,
        {
          ledger: true,
        },
      )
      const expected = objects.map(({ etag, lastModified }) => [etag.replaceAll('"', ''), lastModified.toISOString()])
      expect(receipt.files.map(({ etag, modified }) => [etag, modified])).toEqual(expected)
      const found = await bench.sql(
        `SELECT etag, CAST(round(extract(epoch FROM modified_at)) AS bigint) FROM copyist.files WHERE load_id = '${receipt.id}' ORDER BY path`,
      )
      expect(found).toEqual(expected.map(([etag, modified]) => [etag, String(Date.parse(modified ?? '') / 1000)]))
    })

    test.runIf(name === 'postgres')('numbers and places stay ours where the server reads all values', async () => {
      await bench.sql('CREATE DOMAIN small AS integer CHECK (VALUE < 10)')
      await bench.sql('CREATE TABLE left_to_server (id small, n integer, l integer, f text)')
      const at = file('domain.csv', '1\n20\n3\n')
      const options = 'FORMAT csv, ON_ERROR set_null, SEQUENCE (n (5, 5)), LINEAGE (l line, f file)'
      await bench.db.copy(`COPY left_to_server FROM '${at}' (${options})`)
      expect(await bench.sql('SELECT id, n, l, f FROM left_to_server ORDER BY n')).toEqual([
        ['1', '5', '1', at],
        [null, '10', '2', at],
        ['3', '15', '3', at],
      ])
      await bench.sql('DROP TABLE left_to_server')
    })

    test('a table is made with columns for it, of objects as of files', async () => {
      const all = 'LINEAGE (file, line, "offset" offset, load_id, etag, last_modified, size)'
      store.put('bucket', 'make/a.csv', 'id,note\n1,x\n')
      await bench.db.copy(
        `COPY made FROM 's3://bucket/make/a.csv' (FORMAT csv, HEADER, CREATE_TABLE, ${all}, ${remote})`,
      )
      const types = await bench.sql(
        "SELECT column_name, lower(data_type) FROM information_schema.columns WHERE table_name = 'made' ORDER BY ordinal_position",
      )
      const text = name === 'postgres' ? 'text' : 'varchar'
      expect(types.slice(2)).toEqual([
        ['file', text],
        ['line', 'bigint'],
        ['offset', 'bigint'],
        ['load_id', 'uuid'],
        ['etag', text],
        ['last_modified', 'timestamp with time zone'],
        ['size', 'bigint'],
      ])
      const found = await bench.sql(
        'SELECT id, file, line, "offset", size, etag IS NULL, last_modified IS NULL FROM made',
      )
      expect(found).toEqual([['1', 's3://bucket/make/a.csv', '2', '8', '12', 'false', 'false']])
      await bench.sql('DROP TABLE made')
      await bench.db.copy(`COPY made FROM '${FLIGHTS}' (FORMAT arrow, CREATE_TABLE, LINEAGE (file, line))`)
      expect(await bench.sql('SELECT min(line), max(line), count(DISTINCT line), min(file) FROM made')).toEqual([
        ['1', '200000', '200000', FLIGHTS],
      ])
      await bench.sql('DROP TABLE made')
    })

    test('of files of columns the line is the number of the row, anew for each file', async () => {
      const statement = `COPY flights FROM '${FLIGHTS.replace(/\/[^/]*$/, '')}' (FORMAT arrow, FILES = ['flights-200k.arrow', 'flights-200k.arrow'], LINEAGE (f file, l line))`
      await bench.db.copy(statement, { threads: 3, memoryLimit: 8 * 1024 * 1024 })
      const sum = (200_000 * 200_001) / 2
      expect(await bench.sql('SELECT count(*), max(l), sum(l), count(DISTINCT f) FROM flights')).toEqual([
        ['400000', '200000', String(2 * sum), '1'],
      ])
      const { sqlState, message } = await failure(
        bench.db.copy(`COPY t FROM '${FLIGHTS}' (FORMAT arrow, LINEAGE (o offset))`),
      )
      expect([sqlState, message]).toEqual(['0A000', 'COPY LINEAGE offset cannot be used with FORMAT arrow'])
    })

    test('WHERE and TRANSFORM see the columns, SEQUENCE goes on beside them', async () => {
      const at = file('seen/a.csv', '1,a\n2,b\n3,c\n')
      const options = 'FORMAT csv, TRANSFORM (f AS upper(f)), SEQUENCE (id (10, 5)), LINEAGE (f file, l line)'
      await bench.db.copy(
        `COPY t (note, o, f, l, id) FROM '${at}' (${options}) WHERE l > 1`.replace('note, o', 'o, note'),
      )
      expect(await bench.sql('SELECT id, note, f, l FROM t ORDER BY id')).toEqual([
        ['15', 'b', at.toUpperCase(), '2'],
        ['20', 'c', at.toUpperCase(), '3'],
      ])
    })

    test('a number that the column has no room for ends the load', async () => {
      await bench.sql('CREATE TABLE narrow (id integer, l smallint)')
      const at = file('long.csv', '1\n'.repeat(40_000))
      const error = await failure(
        bench.db.copy(`COPY narrow FROM '${at}' (FORMAT csv, ON_ERROR skip_row, LINEAGE (l line))`),
      )
      expect(error).toMatchObject({
        sqlState: '22003',
        message: 'value "32768" is out of range for type smallint',
        detail: 'It is what LINEAGE line gives column "l".',
        position: { file: at, line: 32_768, column: 'l' },
      })
      expect(await bench.sql('SELECT count(*) FROM narrow')).toEqual([['0']])
      const text = await failure(
        bench.db.copy(
          `COPY t FROM '${at}' (FORMAT csv, LINEAGE (note line, f, l, o))`.replace('f, l, o', 'f file, l line, o line'),
        ),
      )
      expect(text).toMatchObject({ sqlState: '0A000' })
      await bench.sql('DROP TABLE narrow')
    })

    test('what is not known is no value for a column that must have one', async () => {
      await bench.sql('CREATE TABLE strict (id integer, tag text NOT NULL)')
      const at = file('strict.csv', '1\n')
      const error = await failure(
        bench.db.copy(`COPY strict FROM '${at}' (FORMAT csv, ON_ERROR skip_row, LINEAGE (tag etag))`),
      )
      expect(error).toMatchObject({
        sqlState: '23502',
        message: 'null value in column "tag" of relation "strict" violates not-null constraint',
        position: { file: at, column: 'tag' },
      })
      expect(error.detail).toContain('the ETag')
      await bench.sql('DROP TABLE strict')
    })

    test('refused rows are told and kept as they stood', async () => {
      const at = file('bad.csv', 'id,note\n1,a\nx,b\n3,c\n')
      const rejects: string[] = []
      await bench.db.copy(`COPY t FROM '${at}' (FORMAT csv, HEADER, ON_ERROR skip_row, ${LINEAGE})`, {
        onReject: ({ raw, line }) => rejects.push(`${line} ${raw}`),
        rejects: join(folder.path, 'bad.out'),
      })
      expect(rejects).toEqual(['3 x,b'])
      expect(readFileSync(join(folder.path, 'bad.out'), 'utf8')).toBe('id,note\nx,b\n')
      expect((await rows()).map(([id, , line]) => [id, line])).toEqual([
        ['1', '2'],
        ['3', '4'],
      ])
    })

    test('is explained', async () => {
      const at = file('explained.csv', '1,a\n')
      const { columns, failure } = await bench.db.explain(`COPY t FROM '${at}' (FORMAT csv, ${LINEAGE})`)
      expect(failure).toBeUndefined()
      expect(columns?.map(({ name, from }) => [name, from])).toEqual([
        ['id', { kind: 'field', number: 1, name: 'id' }],
        ['note', { kind: 'field', number: 2, name: 'note' }],
        ['f', { kind: 'lineage', of: 'file' }],
        ['l', { kind: 'lineage', of: 'line' }],
        ['o', { kind: 'lineage', of: 'offset' }],
      ])
      const validated = await bench.db.explain(`EXPLAIN VALIDATE COPY t FROM '${at}' (FORMAT csv, ${LINEAGE})`)
      expect(validated).toMatchObject({ validation: { rowsValidated: 1, rowsRejected: 0 } })
    })

    test.each([
      ['(FORMAT binary, LINEAGE (f file))', '42601', 'cannot specify LINEAGE in BINARY mode'],
      ['(LINEAGE (f filename))', '22023', 'LINEAGE "filename" not recognized'],
      ['(LINEAGE (note))', '22023', 'LINEAGE "note" not recognized'],
      ['(LINEAGE (f file, f line))', '42701', 'column "f" specified more than once'],
      ["(LINEAGE (f file), CONSTANT (f 'x'))", '42701', 'column "f" specified more than once'],
      ['(LINEAGE (missing file))', '42703', 'column "missing" of relation "t" does not exist'],
    ])('%s', async (options, sqlState, message) => {
      const error = await failure(bench.db.copy(`COPY t FROM STDIN ${options}`, { stdin: '' }))
      expect([error.sqlState, error.message]).toEqual([sqlState, message])
    })
  })

  describe('HIVE_PARTITIONING', () => {
    const parts = () => bench.sql('SELECT id, note, year, month, CAST(day AS text) FROM parts ORDER BY id')
    const HIVE = 'FORMAT csv, HEADER, HIVE_PARTITIONING'

    test('parts of the path are columns, in the types of the table', async () => {
      file('hive/year=2024/month=05/day=2024-05-01/a.csv', 'id,note\n1,a\n2,b\n')
      file('hive/year=2025/month=%C3%A4%2F%20x/day=__HIVE_DEFAULT_PARTITION__/b.csv', 'id,note\n3,c\n')
      const expected = [
        ['1', 'a', '2024', '05', '2024-05-01'],
        ['2', 'b', '2024', '05', '2024-05-01'],
        ['3', 'c', '2025', 'ä/ x', null],
      ]
      for (const [from, options] of [
        [`'${folder.path}/hive'`, ''],
        [`'${folder.path}/hive/*/*/*/*.csv'`, ''],
        [`'${folder.path}'`, ", PATTERN = 'hive/year=*/**/*.csv'"],
      ]) {
        await bench.db.copy(`COPY parts FROM ${from} (${HIVE}${options})`)
        expect(await parts()).toEqual(expected)
        await bench.sql('DELETE FROM parts')
      }
      store.put('bucket', 'hive/year=2024/month=a%20b/day=2024-05-02/o.csv', 'id,note\n4,d\n')
      await bench.db.copy(`COPY parts (id, note, year) FROM 's3://bucket/hive' (${HIVE}, ${remote})`)
      expect(await parts()).toEqual([['4', 'd', '2024', 'a b', '2024-05-02']])
      await bench.sql('DELETE FROM parts')
      const where = "WHERE year = 2025 OR note = 'a05'"
      await bench.db.copy(`COPY parts FROM '${folder.path}/hive' (${HIVE}, TRANSFORM (note AS note || month)) ${where}`)
      expect((await parts()).map((row) => row[1])).toEqual(['a05', 'cä/ x'])
    })

    test('many small files, and several threads', async () => {
      for (let number = 0; number < 300; number += 1) {
        file(`many/year=${2000 + (number % 7)}/n${number}.csv`, `id,note\n${number},x\n${number},y\n`)
      }
      await bench.sql('CREATE TABLE years (id integer, note text, year smallint)')
      await bench.db.copy(`COPY years FROM '${folder.path}/many' (${HIVE})`, { threads: 4 })
      const wrong = await bench.sql('SELECT count(*), sum(CASE WHEN year = 2000 + id % 7 THEN 0 ELSE 1 END) FROM years')
      expect(wrong).toEqual([['600', '0']])
      await bench.sql('DROP TABLE years')
    })

    test('the path counts where a file of columns has the column, too, of which then none is read', async () => {
      const path = `${folder.path}/flown/delay=5`
      mkdirSync(path, { recursive: true })
      writeFileSync(`${path}/f.arrow`, readFileSync(FLIGHTS))
      await bench.db.copy(
        `COPY flights FROM '${path}/f.arrow' (FORMAT arrow, HIVE_PARTITIONING, LINEAGE (f file, l line))`,
      )
      expect(await bench.sql('SELECT count(*), min(delay), max(delay), max(l) FROM flights')).toEqual([
        ['200000', '5', '5', '200000'],
      ])
    })

    test('a value that is none of the type of its column ends the load, and says which', async () => {
      const bad = file('bad/year=2024a/month=1/day=2024-01-01/a.csv', 'id,note\n1,a\n')
      const error = await failure(bench.db.copy(`COPY parts FROM '${bad}' (${HIVE}, ON_ERROR skip_row)`))
      expect(error).toMatchObject({
        sqlState: '22P02',
        message: 'invalid input syntax for type integer: "2024a"',
        detail: `It is the value in the path of "${bad}", for column "year".`,
        position: { file: bad, column: 'year' },
      })
      expect(await parts()).toEqual([])
    })

    test.each([
      ['a/zone=1/a.csv', ['42703', 'relation "parts" has no column "zone"']],
      ['b/a.csv', ['22023', 'the path "@/b/a.csv" has no part key=value']],
      ['c/year=1/year=2/a.csv', ['22023', 'the path "@/c/year=1/year=2/a.csv" has "year" twice']],
      ['d/year=%ff/a.csv', ['22021', 'invalid byte sequence for encoding "UTF8": %ff']],
    ])('%s is refused', async (path, expected) => {
      const at = file(`wrong/${path}`, 'id,note\n1,a\n')
      const { sqlState, message } = await failure(bench.db.copy(`COPY parts FROM '${at}' (${HIVE})`))
      expect([sqlState, message.replaceAll(`${folder.path}/wrong`, '@')]).toEqual(expected)
    })

    test('files with other keys than the first, and streams, are refused', async () => {
      file('mixed/year=1/month=1/day=2024-01-01/a.csv', 'id,note\n1,a\n')
      file('mixed/year=2/month=1/b.csv', 'id,note\n1,a\n')
      const mixed = await failure(bench.db.copy(`COPY parts FROM '${folder.path}/mixed' (${HIVE})`))
      expect([mixed.sqlState, mixed.message.replaceAll(folder.path, '@')]).toEqual([
        '22023',
        'the path "@/mixed/year=2/month=1/b.csv" has no "day=", and "@/mixed/year=1/month=1/day=2024-01-01/a.csv" has',
      ])
      const stream = await failure(bench.db.copy(`COPY parts FROM STDIN (${HIVE})`, { stdin: 'x' }))
      expect([stream.sqlState, stream.message]).toEqual(['22023', 'COPY HIVE_PARTITIONING needs files'])
    })

    test('a table is made with columns of the types that all paths prove', async () => {
      file('make/year=2024/month=05/day=2024-05-01/a.csv', 'id,note\n1,a\n')
      file('make/year=2025/month=11/day=__HIVE_DEFAULT_PARTITION__/b.csv', 'id,note\n3,c\n')
      const statement = `COPY hived FROM '${folder.path}/make' (${HIVE}, CREATE_TABLE, LINEAGE (file))`
      const { table, columns } = await bench.db.explain(statement)
      expect(table?.exists).toBe(false)
      expect(columns?.slice(-3).map(({ name, from, detected }) => [name, from, detected])).toEqual([
        ['year', { kind: 'partition', key: 'year' }, 'all values in the paths are of it'],
        ['month', { kind: 'partition', key: 'month' }, 'all values in the paths are of it'],
        ['day', { kind: 'partition', key: 'day' }, 'all values in the paths are of it'],
      ])
      await bench.db.copy(statement)
      const types = await bench.sql(
        "SELECT column_name, lower(data_type) FROM information_schema.columns WHERE table_name = 'hived' ORDER BY ordinal_position",
      )
      expect(types.slice(3)).toEqual([
        ['year', 'bigint'],
        ['month', name === 'postgres' ? 'text' : 'varchar'],
        ['day', 'date'],
      ])
      expect(await bench.sql('SELECT id, year, month, CAST(day AS text) FROM hived ORDER BY id')).toEqual([
        ['1', '2024', '05', '2024-05-01'],
        ['3', '2025', '11', null],
      ])
      await bench.sql('DROP TABLE hived')
    })
  })
})
