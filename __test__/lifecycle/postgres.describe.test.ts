import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ColumnType } from '../../lib/native/load.ts'
import { connectPostgres } from '../../lib/target/postgres/target.ts'
import type { TableDescription, Target } from '../../lib/target/target.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { copyError, expectNothingLeft, inTransaction, named, withTarget } from './postgres.harness.ts'

let database: ScratchDatabase

beforeAll(async () => {
  database = await createScratchDatabase()
})
afterAll(() => database.drop())

async function look(target: Target, ...name: string[]): Promise<TableDescription | undefined> {
  return inTransaction(target, (transaction) => transaction.describe(named(...name)))
}

/** A composite type, of which it is known what would be lost in it. */
const PAIR: ColumnType = {
  kind: 'other',
  known: { form: 'record', parts: [{ kind: 'int4' }, { kind: 'int4' }], fields: ['a', 'b'] },
}

const OID: ColumnType = { kind: 'other', known: { form: 'unsigned', name: 'oid', length: 32 } }

function listOf(element: ColumnType): ColumnType {
  return { kind: 'other', known: { form: 'list', parts: [element] } }
}

describe('describe', () => {
  test('maps every type that is decoded natively, and no other', async () => {
    const types: [sql: string, type: ColumnType, typeName?: string][] = [
      ['bool', { kind: 'bool' }, 'boolean'],
      ['int2', { kind: 'int2' }, 'smallint'],
      ['int4', { kind: 'int4' }, 'integer'],
      ['int8', { kind: 'int8' }, 'bigint'],
      ['float4', { kind: 'float4' }, 'real'],
      ['float8', { kind: 'float8' }, 'double precision'],
      ['numeric', { kind: 'numeric' }],
      ['numeric(12,3)', { kind: 'numeric', precision: 12, scale: 3 }],
      ['numeric(1000,0)', { kind: 'numeric', precision: 1000, scale: 0 }],
      ['numeric(3,-5)', { kind: 'numeric', precision: 3, scale: -5 }],
      ['numeric(2,1000)', { kind: 'numeric', precision: 2, scale: 1000 }],
      ['numeric(2,-1000)', { kind: 'numeric', precision: 2, scale: -1000 }],
      ['text', { kind: 'text' }],
      ['varchar', { kind: 'varchar' }, 'character varying'],
      ['varchar(7)', { kind: 'varchar', length: 7 }, 'character varying(7)'],
      ['char(3)', { kind: 'bpchar', length: 3 }, 'character(3)'],
      ['bpchar', { kind: 'bpchar' }],
      ['bytea', { kind: 'bytea' }],
      ['date', { kind: 'date' }],
      ['time', { kind: 'time' }, 'time without time zone'],
      ['time(0)', { kind: 'time', precision: 0 }],
      ['timetz(2)', { kind: 'timetz', precision: 2 }],
      ['timestamp(3)', { kind: 'timestamp', precision: 3 }],
      ['timestamptz', { kind: 'timestamptz' }, 'timestamp with time zone'],
      ['timestamptz(6)', { kind: 'timestamptz', precision: 6 }],
      ['interval', { kind: 'interval' }],
      ['interval(4)', { kind: 'interval', precision: 4 }],
      [
        'interval day to second(3)',
        {
          kind: 'other',
          known: { form: 'interval', fields: ['day', 'hour', 'minute', 'second'], precision: 3 },
        },
      ],
      ['interval year', { kind: 'other', known: { form: 'interval', fields: ['year'] } }],
      ['uuid', { kind: 'uuid' }],
      ['json', { kind: 'json' }],
      ['jsonb', { kind: 'jsonb' }],
      ['public."Mood"', { kind: 'enum', name: '"Mood"', labels: ['sad', 'so, so', 'ok'] }, '"Mood"'],
      ['short', { kind: 'varchar', length: 5 }, 'short'],
      ['shorter', { kind: 'varchar', length: 5 }, 'shorter'],
      ['moods', { kind: 'enum', name: '"Mood"', labels: ['sad', 'so, so', 'ok'] }],
      ['int4[]', { kind: 'array', element: { kind: 'int4' }, elementOid: 23, delimiter: ',' }, 'integer[]'],
      ['int4[][3]', { kind: 'array', element: { kind: 'int4' }, elementOid: 23, delimiter: ',' }],
      ['varchar(4)[]', { kind: 'array', element: { kind: 'varchar', length: 4 }, elementOid: 1043, delimiter: ',' }],
      [
        'numeric(4,1)[]',
        { kind: 'array', element: { kind: 'numeric', precision: 4, scale: 1 }, elementOid: 1700, delimiter: ',' },
      ],
      ['path4', { kind: 'array', element: { kind: 'varchar', length: 4 }, elementOid: 1043, delimiter: ',' }],
      [
        '"Mood"[]',
        {
          kind: 'array',
          element: { kind: 'enum', name: '"Mood"', labels: ['sad', 'so, so', 'ok'] },
          elementOid: expect.any(Number) as number,
          delimiter: ',',
        },
      ],
      ...['box[]', 'point', 'int2vector', 'inet', 'xml', 'bit(3)', 'int4range', 'tsvector', 'regclass'].map(
        (sql): [string, ColumnType] => [sql, { kind: 'other' }],
      ),
      // The server cuts what is too long, wraps around what is out of range, and rounds what has more digits.
      ['interval year[]', listOf({ kind: 'other', known: { form: 'interval', fields: ['year'] } })],
      ['name', { kind: 'other', known: { form: 'short', name: 'name', length: 63 } }],
      ['"char"', { kind: 'other', known: { form: 'short', name: '"char"', length: 1 } }],
      ['oid', OID],
      ['oid[]', listOf(OID)],
      ['money', { kind: 'other', known: { form: 'like', parts: [{ kind: 'numeric', precision: 19, scale: 2 }] } }],
      ['short[]', listOf({ kind: 'varchar', length: 5 })],
      ['pair', PAIR],
      ['pairs', PAIR],
      ['pair[]', listOf(PAIR)],
    ]
    await database.query(`
      CREATE TYPE "Mood" AS ENUM ('sad', 'ok');
      ALTER TYPE "Mood" ADD VALUE 'so, so' BEFORE 'ok';
      CREATE DOMAIN short AS varchar(5) CHECK (VALUE <> '');
      CREATE DOMAIN shorter AS short NOT NULL;
      CREATE DOMAIN moods AS "Mood";
      CREATE DOMAIN path4 AS varchar(4)[];
      CREATE TYPE pair AS (a int, b int);
      CREATE DOMAIN pairs AS pair;
      CREATE TABLE types (${types.map(([sql], i) => `c${i} ${sql}`).join(', ')})`)
    const table = await withTarget(database, (target) => look(target, 'types'))
    const domains = ['short', 'shorter', 'moods', 'path4', 'pairs']
    const found: (readonly [string, boolean])[] = []
    for (const [i, [sql, type, typeName]] of types.entries()) {
      const { hasNumbers = false, ...column } = table?.columns[i] ?? {}
      found.push([sql, hasNumbers])
      expect({ sql, ...column }).toEqual({
        ...(domains.includes(sql) && { isDomain: true }),
        ...([...domains, 'short[]'].includes(sql) && { hasDomain: true }),
        ...(/^pairs?$/.test(sql) && { isRow: true }),
        ...(sql === 'name' && { isString: true }),
        sql,
        name: `c${i}`,
        type,
        typeName: typeName ?? expect.any(String),
        hasDefault: false,
        generated: false,
        notNull: false,
      })
    }
    // Numbers with a decimal mark that only the server reads.
    expect(found.flatMap(([sql, hasNumbers]) => (hasNumbers ? [sql] : []))).toEqual(['box[]', 'point', 'money'])
  })

  test('knows defaults of the column, of its domain, and identity; generated columns have none', async () => {
    await database.query(`
      CREATE DOMAIN defaulted AS int DEFAULT 7;
      CREATE TABLE defaults (
        plain int, gone int, given int DEFAULT 1, domain defaulted, serial serial,
        ident int GENERATED BY DEFAULT AS IDENTITY, stored int GENERATED ALWAYS AS (plain + 1) STORED,
        virtual int GENERATED ALWAYS AS (plain + 1) VIRTUAL);
      ALTER TABLE defaults DROP COLUMN gone`)
    const table = await withTarget(database, (target) => look(target, 'defaults'))
    expect(table?.columns.map(({ name, hasDefault, generated }) => [name, hasDefault, generated])).toEqual([
      ['plain', false, false],
      ['given', true, false],
      ['domain', true, false],
      ['serial', true, false],
      ['ident', true, false],
      ['stored', false, true],
      ['virtual', false, true],
    ])
  })

  test('finds a name as PostgreSQL does', async () => {
    await database.query(`
      CREATE SCHEMA "Other";
      CREATE TABLE "Other"."my ""table""" ("Col umn" int, "select" int);
      CREATE TABLE public.same (a int);
      CREATE TABLE "Other".same (b int);
      CREATE TABLE nothing ()`)
    const client = new pg.Client(database.url)
    await client.connect()
    const target = await connectPostgres(client)
    expect(await look(target, 'same')).toMatchObject({ sqlName: 'public.same', relationName: 'same' })
    await client.query(`SET search_path = "Other", public`)
    expect(await look(target, 'same')).toMatchObject({ sqlName: '"Other".same' })
    expect(await look(target, 'my "table"')).toMatchObject({
      sqlName: '"Other"."my ""table"""',
      relationName: 'my "table"',
      columns: [{ name: 'Col umn' }, { name: 'select' }],
    })
    await client.query('CREATE TEMPORARY TABLE same (c int)')
    expect(await look(target, 'same')).toMatchObject({ columns: [{ name: 'c' }] })
    expect(await look(target, 'public', 'same')).toMatchObject({ columns: [{ name: 'a' }] })
    expect(await look(target, database.name, 'public', 'same')).toMatchObject({ columns: [{ name: 'a' }] })
    expect(await look(target, 'nothing')).toMatchObject({ columns: [] })
    expect(await look(target, 'SAME')).toBeUndefined()
    expect(await look(target, 'missing')).toBeUndefined()
    expect(await look(target, 'nowhere', 'same')).toBeUndefined()
    expect(await copyError(look(target, 'elsewhere', 'public', 'same'))).toMatchObject({
      sqlState: '0A000',
      message: 'cross-database references are not implemented: "elsewhere.public.same"',
    })
    await client.end()
    await expectNothingLeft(database)
  })

  test('lets the server refuse what is no table', async () => {
    await database.query(`
      CREATE TABLE base (id int PRIMARY KEY);
      CREATE MATERIALIZED VIEW matted AS SELECT * FROM base;
      CREATE SEQUENCE counted;
      CREATE TYPE composed AS (a int)`)
    const refusals: [name: string, message: string][] = [
      ['matted', 'cannot copy to materialized view "matted"'],
      ['counted', 'cannot copy to sequence "counted"'],
      ['base_pkey', 'cannot open relation "base_pkey"'],
      ['composed', 'cannot open relation "composed"'],
    ]
    await withTarget(database, async (target) => {
      for (const [name, message] of refusals) {
        expect(await copyError(look(target, name))).toMatchObject({
          sqlState: '42809',
          code: 'wrong_object_type',
          message,
        })
      }
    })
  })

  test('lets the server refuse who may not', async () => {
    const role = `${database.name}_guest`
    await database.query(`
      CREATE TABLE guarded (id int); CREATE SCHEMA hidden; CREATE TABLE hidden.guarded (id int);
      CREATE ROLE ${role} LOGIN PASSWORD 'guest'`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'guest'
    const target = await connectPostgres(url.href)
    expect(await copyError(look(target, 'hidden', 'guarded'))).toMatchObject({
      sqlState: '42501',
      message: 'permission denied for schema hidden',
    })
    expect(
      await copyError(
        inTransaction(target, (t) => t.createTable(named('mine'), [{ name: 'a', type: { kind: 'int4' } }])),
      ),
    ).toMatchObject({
      sqlState: '42501',
      code: 'insufficient_privilege',
      message: 'permission denied for schema public',
    })
    await target.close()
    await database.query(`DROP ROLE ${role}`)
    await expectNothingLeft(database)
  })
})
