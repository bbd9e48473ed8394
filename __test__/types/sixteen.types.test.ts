import { readFileSync } from 'node:fs'
import { inflateSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import {
  type Data,
  Field,
  FixedSizeBinary,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  vectorFromArray,
} from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { read } from '../../lib/index.ts'
import { useFolder, useParquet } from '../copy/inputs.ts'
import { type Bench, benches } from '../copy/targets.ts'

/*
 * 16 bytes that are a UUID, since the file says so, and 16 bytes of which it says nothing.
 */

const ID = '2a9840f1-db40-4843-88e2-6853a46c4a05'
const HEX = '000102030405060708090a0b0c0d0e0f'
const BYTES = Buffer.from(HEX, 'hex')
const ENDS = Buffer.alloc(16, 255)

/**
 * By pyarrow without its schema: `plain`, which are bytes, `id`, which is of the type UUID, and in a second row NULL; a `list` of bytes; a
 * structure `pair` of `h`, bytes, and `u`, a UUID; a `map` to bytes. Deflated.
 */
const PARQUET = [
  'eNp9U79P20AUfj5fjIEQpnfKSRkykBMgEwESCEUMVJUiGmVAgSkLWGApFk5inISqgiFSl/4JTEwd8+d0aydmFpau7fOlTvMT63x3vvd933vvs332obaHgA46',
  'DnLaWGjlAIDRbRpgMJOnrCV7eWU1vZZZXwjcfjp5+3ly+vHbS+P8e1BJUbyOdQftKaBlxvMDTAv/mbqIVsTiRCLNZDCnpAXIOTVt4MZM8TzBG7TcUqyEpUUg',
  'czY9l78OIGt1rhte08UVwAzmkWVTYeD6reSJ+TfBKwkcsCwP/E4XGVrV4/iAJwcJdMkLvKbX6mps6PoR8iRkNEa7XiJnNt2Q1FjVGaot33pfLu/doOfFvHQB',
  'siadFKAad5LUpuMguMzJRwU5zMiCBfJfzUgBURM1ZX/KkQlApR1vWVKx2IcxNPU0gtbfhR7pFvWUdEdMW/QNGmpgjJEV57IMjPEJgU1thNHQ+S7EhRqwiYSH',
  'DNg8Qm9E6JuLCOlhibGP/72LPdPciqioH2NcwaTiMJtwij90WCtciSv1zCdaBFlmw89K/OaCK5sW2MyHbnTX87o712G440ZR+3P+3os6fruV3z8s7hb35CO9w9',
  'kBX0npjP7ivyRcl6k=',
].join('')

/** `plain`, `id` and `list` of the same as an Arrow file. */
function arrowFile(): Uint8Array {
  const type = new FixedSizeBinary(16)
  const lists = new List(new Field('item', type, true))
  const schema = new Schema([
    new Field('plain', type, true),
    new Field('id', type, true, new Map([['ARROW:extension:name', 'arrow.uuid']])),
    new Field('list', lists, true),
  ])
  const id = Buffer.from(ID.replaceAll('-', ''), 'hex')
  const children: Data[] = [
    ...vectorFromArray([BYTES, null], type).data,
    ...vectorFromArray([id, null], type).data,
    ...vectorFromArray([[BYTES, null, ENDS], []], lists).data,
  ]
  const data = makeData({ type: new Struct(schema.fields), length: 2, children })
  return tableToIPC(new Table(new RecordBatch(schema, data)), 'file')
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

const folder = useFolder('copyist-sixteen-')
const parquet = useParquet(folder)
let parquetPath: string
/** Of each format what COPY reads. */
let files: readonly (readonly [format: string, from: string])[]

beforeAll(() => {
  parquetPath = folder.file('sixteen.parquet', inflateSync(Buffer.from(PARQUET, 'base64')))
  files = [
    ['parquet', `FROM '${parquetPath}' (FORMAT parquet`],
    ['arrow', `FROM '${folder.file('sixteen.arrow', arrowFile())}' (FORMAT arrow`],
  ]
})

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Bench

  beforeAll(async () => {
    bench = await open()
  })

  afterAll(() => bench.close())

  const isPostgres = name === 'postgres'
  const [text, bytea] = isPostgres ? ['text', 'bytea'] : ['VARCHAR', 'BLOB']
  /** SQL for the bytes in hexadecimal digits. */
  const hex = (bytes: string) => (isPostgres ? `encode(${bytes}, 'hex')` : `lower(hex(${bytes}))`)
  /** The types of a table's columns, by their names. */
  const typesOf = async (table: string) =>
    Object.fromEntries(
      isPostgres
        ? await bench.sql(`SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = '${table}'::regclass AND attnum > 0`)
        : await bench.sql(`SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '${table}'`),
    )

  test('a column of them has the type that it is said to have', async () => {
    for (const [format, from] of files) {
      await bench.db.copy(`COPY made_${format} ${from}, CREATE_TABLE)`)
      expect(await typesOf(`made_${format}`)).toMatchObject(
        isPostgres ? { plain: 'bytea', id: 'uuid', list: 'bytea[]' } : { plain: 'BLOB', id: 'UUID', list: 'BLOB[]' },
      )
      const [first, second] = await bench.sql(
        `SELECT ${hex('plain')}, id::${text}, ${hex('list[3]')} FROM made_${format}`,
      )
      expect(first).toEqual([HEX, ID, 'ff'.repeat(16)])
      expect(second).toEqual([null, null, null])
    }
  })

  test('within others they are bytes, too, beside UUIDs', async () => {
    const [row] = await bench.sql(`SELECT pair::${text}, map::${text} FROM made_parquet`)
    expect(row?.map((value) => JSON.parse(value ?? ''))).toEqual([{ h: `\\x${HEX}`, u: ID }, { k: `\\x${HEX}` }])
  })

  test('a text of them is that of bytes', async () => {
    await bench.sql('CREATE TABLE texts (plain text, id text, list text, pair text)')
    const [[, from = ''] = []] = files
    await bench.db.copy(`COPY texts ${from})`)
    const list = `["\\\\x${HEX}",null,"\\\\x${'ff'.repeat(16)}"]`
    expect((await bench.sql('SELECT plain, id, list, pair FROM texts'))[0]).toEqual([
      `\\x${HEX}`,
      ID,
      list,
      `{"h": "\\\\x${HEX}", "u": "${ID}"}`,
    ])
  })

  test('a column of the type uuid takes 16 bytes, and bytes take a UUID', async () => {
    const id = '00010203-0405-0607-0809-0a0b0c0d0e0f'
    for (const [format, from] of files) {
      const table = `given_${format}`
      await bench.sql(`CREATE TABLE ${table} (plain uuid, list uuid[], id ${bytea})`)
      await bench.db.copy(`COPY ${table} ${from})`)
      const select = `SELECT plain::${text}, list[1]::${text}, ${hex('id')} FROM ${table} WHERE id IS NOT NULL`
      expect(await bench.sql(select), format).toEqual([[id, id, ID.replaceAll('-', '')]])
    }
  })

  test('a column of the type uuid takes no other bytes', async () => {
    await bench.sql('CREATE TABLE t (id uuid)')
    const path = await parquet(`short-${name}.parquet`, `SELECT 'abc'::BLOB AS id`)
    await expect(bench.db.copy(`COPY t FROM '${path}' (FORMAT parquet)`)).rejects.toMatchObject({
      sqlState: '22P02',
      message: 'invalid input syntax for type uuid: "\\x616263"',
    })
  })
})

test('DuckDB’s reader has the same types', async () => {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const reader = await connection.runAndReadAll(`FROM '${parquetPath}'`)
  const types = reader.columnTypes().map(String)
  connection.closeSync()
  instance.closeSync()
  expect(types).toEqual(['BLOB', 'UUID', 'BLOB[]', 'STRUCT("h" BLOB, "u" UUID)', 'MAP(VARCHAR, BLOB)'])
})

describe('read', () => {
  test('the same types, and values in their form', async () => {
    for (const [format, from] of files) {
      const reading = read(`COPY (plain, id, list) ${from})`)
      const [row] = await all(reading.rows())
      expect(
        reading.receipt?.columns.map(({ type }) => type),
        format,
      ).toEqual(['bytea', 'uuid', 'bytea[]'])
      expect(row, format).toEqual({
        plain: Uint8Array.from(BYTES),
        id: ID,
        list: [Uint8Array.from(BYTES), null, Uint8Array.from(ENDS)],
      })
    }
  })

  test('a type that is given counts', async () => {
    for (const [format, from] of files) {
      const [row] = await all(read(`COPY ${from})`, { columns: { plain: 'uuid', id: 'bytea' } }).rows())
      expect(row, format).toEqual({
        plain: '00010203-0405-0607-0809-0a0b0c0d0e0f',
        id: Uint8Array.from(Buffer.from(ID.replaceAll('-', ''), 'hex')),
      })
    }
  })

  test('a stream of Arrow that is made has UUIDs with their mark, so that they are read as such', async () => {
    const columns = { id: 'uuid', plain: 'bytea' }
    for (const [index, stdin] of [`${ID},\\x${HEX}\n`, ''].entries()) {
      const parts = await all(read('COPY FROM STDIN (FORMAT csv)', { stdin, columns }).ipc())
      const made = Buffer.concat(parts)
      const [id, plain] = tableFromIPC(made).schema.fields
      expect([id?.metadata, plain?.metadata]).toEqual([new Map([['ARROW:extension:name', 'arrow.uuid']]), new Map()])
      const again = read(`COPY FROM '${folder.file(`made-${index}.arrows`, made)}' (FORMAT arrow)`)
      const rows = await all(again.rows())
      expect(again.receipt?.columns.map(({ type }) => type)).toEqual(['uuid', 'bytea'])
      expect(rows).toEqual(stdin === '' ? [] : [{ id: ID, plain: Uint8Array.from(BYTES) }])
    }
  })

  test('lists of UUIDs in a stream of Arrow have the mark, too', async () => {
    const path = await parquet('lists.parquet', `SELECT ['${ID}'::UUID, NULL] AS ids`)
    const parts = await all(read(`COPY FROM '${path}' (FORMAT parquet)`).ipc())
    const made = folder.file('lists.arrows', Buffer.concat(parts))
    const again = read(`COPY FROM '${made}' (FORMAT arrow)`)
    expect(await all(again.rows())).toEqual([{ ids: [ID, null] }])
    expect(readFileSync(made).includes('arrow.uuid')).toBe(true)
  })
})
