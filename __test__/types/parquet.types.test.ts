import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { useFolder, useParquet } from '../copy/inputs.ts'
import { benches } from '../copy/targets.ts'

interface TypeCase {
  /** SQL of DuckDB that makes the value in the file. */
  readonly value: string
  readonly arrow: string
  /** The type of a new column, and the value in it as text. */
  readonly postgres: readonly [type: string, text: string]
  readonly duckdb: readonly [type: string, text: string]
}

/** The rows of Materialize's table of types, as far as DuckDB writes them, and others. */
const CASES: readonly TypeCase[] = [
  {
    value: "INTERVAL '14 months 3 days 4.005 seconds'",
    arrow: 'Interval(MonthDayNano)',
    postgres: ['interval', '1 year 2 mons 3 days 00:00:04.005'],
    duckdb: ['INTERVAL', '1 year 2 months 3 days 00:00:04.005'],
  },
  { value: 'true', arrow: 'Boolean', postgres: ['boolean', 'true'], duckdb: ['BOOLEAN', 'true'] },
  { value: '(-5)::TINYINT', arrow: 'Int8', postgres: ['smallint', '-5'], duckdb: ['SMALLINT', '-5'] },
  { value: '(-32768)::SMALLINT', arrow: 'Int16', postgres: ['smallint', '-32768'], duckdb: ['SMALLINT', '-32768'] },
  { value: '7::INT', arrow: 'Int32', postgres: ['integer', '7'], duckdb: ['INTEGER', '7'] },
  {
    value: '(-9223372036854775808)::BIGINT',
    arrow: 'Int64',
    postgres: ['bigint', '-9223372036854775808'],
    duckdb: ['BIGINT', '-9223372036854775808'],
  },
  { value: '255::UTINYINT', arrow: 'UInt8', postgres: ['smallint', '255'], duckdb: ['SMALLINT', '255'] },
  { value: '65535::USMALLINT', arrow: 'UInt16', postgres: ['integer', '65535'], duckdb: ['INTEGER', '65535'] },
  {
    value: '4294967295::UINTEGER',
    arrow: 'UInt32',
    postgres: ['bigint', '4294967295'],
    duckdb: ['BIGINT', '4294967295'],
  },
  {
    value: '18446744073709551615::UBIGINT',
    arrow: 'UInt64',
    postgres: ['numeric(20,0)', '18446744073709551615'],
    duckdb: ['DECIMAL(20,0)', '18446744073709551615'],
  },
  { value: '1.5::FLOAT', arrow: 'Float32', postgres: ['real', '1.5'], duckdb: ['FLOAT', '1.5'] },
  { value: '0.1::DOUBLE', arrow: 'Float64', postgres: ['double precision', '0.1'], duckdb: ['DOUBLE', '0.1'] },
  {
    value: "'12345678901234567890123456789012345.678'::DECIMAL(38,3)",
    arrow: 'Decimal128(38, 3)',
    postgres: ['numeric(38,3)', '12345678901234567890123456789012345.678'],
    duckdb: ['DECIMAL(38,3)', '12345678901234567890123456789012345.678'],
  },
  {
    value: '-1.25::DECIMAL(9,2)',
    arrow: 'Decimal128(9, 2)',
    postgres: ['numeric(9,2)', '-1.25'],
    duckdb: ['DECIMAL(9,2)', '-1.25'],
  },
  { value: "DATE '2024-02-29'", arrow: 'Date32', postgres: ['date', '2024-02-29'], duckdb: ['DATE', '2024-02-29'] },
  {
    value: "TIME '12:34:56.789012'",
    arrow: 'Time64(µs)',
    postgres: ['time without time zone', '12:34:56.789012'],
    duckdb: ['TIME', '12:34:56.789012'],
  },
  {
    value: "TIMESTAMP '1969-12-31 23:59:59.999999'",
    arrow: 'Timestamp(µs)',
    postgres: ['timestamp without time zone', '1969-12-31 23:59:59.999999'],
    duckdb: ['TIMESTAMP', '1969-12-31 23:59:59.999999'],
  },
  {
    value: "TIMESTAMP_MS '2024-01-02 03:04:05.678'",
    arrow: 'Timestamp(ms)',
    postgres: ['timestamp without time zone', '2024-01-02 03:04:05.678'],
    duckdb: ['TIMESTAMP', '2024-01-02 03:04:05.678'],
  },
  {
    value: "TIMESTAMP_NS '2024-01-02 03:04:05.678901'",
    arrow: 'Timestamp(ns)',
    postgres: ['timestamp without time zone', '2024-01-02 03:04:05.678901'],
    duckdb: ['TIMESTAMP_NS', '2024-01-02 03:04:05.678901'],
  },
  {
    value: "TIMESTAMPTZ '2024-01-02 03:04:05+00'",
    arrow: 'Timestamp(µs, "UTC")',
    postgres: ['timestamp with time zone', '2024-01-02 03:04:05+00'],
    duckdb: ['TIMESTAMP WITH TIME ZONE', '2024-01-02 03:04:05+00'],
  },
  { value: "'\\x00\\xFFa'::BLOB", arrow: 'Binary', postgres: ['bytea', '\\x00ff61'], duckdb: ['BLOB', '\\x00\\xFFa'] },
  { value: "'żółw'", arrow: 'Utf8', postgres: ['text', 'żółw'], duckdb: ['VARCHAR', 'żółw'] },
  { value: "'b'::ENUM('a', 'b')", arrow: 'Utf8', postgres: ['text', 'b'], duckdb: ['VARCHAR', 'b'] },
  {
    value: "'6f9619ff-8b86-d011-b42d-00c04fc964ff'::UUID",
    arrow: 'FixedSizeBinary(16)',
    postgres: ['uuid', '6f9619ff-8b86-d011-b42d-00c04fc964ff'],
    duckdb: ['UUID', '6f9619ff-8b86-d011-b42d-00c04fc964ff'],
  },
  {
    value: '[1, NULL, 3]',
    arrow: 'List(Int32)',
    postgres: ['integer[]', '{1,NULL,3}'],
    duckdb: ['INTEGER[]', '[1, NULL, 3]'],
  },
  {
    value: "['a,b', '\"', '']",
    arrow: 'List(Utf8)',
    postgres: ['text[]', '{"a,b","\\"",""}'],
    duckdb: ['VARCHAR[]', "['a,b', '\"', '']"],
  },
  {
    value: '[[1, 2], [3]]',
    arrow: 'List(List(Int32))',
    postgres: ['jsonb', '[[1, 2], [3]]'],
    duckdb: ['JSON', '[[1,2],[3]]'],
  },
  {
    value: "{'a': 1, 'b': 'x'}",
    arrow: 'Struct',
    postgres: ['jsonb', '{"a": 1, "b": "x"}'],
    duckdb: ['JSON', '{"a": 1, "b": "x"}'],
  },
  { value: "MAP {'k': 1.5}", arrow: 'Map', postgres: ['jsonb', '{"k": 1.5}'], duckdb: ['JSON', '{"k": 1.5}'] },
]

/** What would lose something. */
const LOSSY: readonly { readonly value: string; readonly column: string; readonly sqlState: string }[] = [
  { value: '40000::INT', column: 'smallint', sqlState: '22003' },
  { value: '18446744073709551615::UBIGINT', column: 'bigint', sqlState: '22003' },
  { value: '1.5::DOUBLE', column: 'integer', sqlState: '22003' },
  { value: '1.25::DECIMAL(9,2)', column: 'numeric(9,1)', sqlState: '22003' },
  { value: "TIMESTAMP_NS '2024-01-02 03:04:05.123456789'", column: 'timestamp', sqlState: '22008' },
]

const parquet = useParquet(useFolder('copyist-parquet-types-'))
const write = (name: string, value: string) =>
  parquet(
    `${name}.parquet`,
    `SELECT NULL AS v WHERE false UNION ALL SELECT * FROM (SELECT ${value} AS v) UNION ALL SELECT NULL`,
  )

describe.each(benches)('$name', ({ name, open }) => {
  let bench: Awaited<ReturnType<typeof open>>

  beforeAll(async () => {
    bench = await open()
  })
  afterAll(() => bench.close())

  test.each(CASES.map((each, index) => ({ ...each, index })))(
    '$value',
    async ({ value, arrow, index, ...expected }) => {
      const path = await write(`${name}-${index}`, value)
      const statement = `COPY made FROM '${path}' (FORMAT parquet, CREATE_TABLE)`
      const { columns } = await bench.db.explain(statement)
      expect(columns?.[0]?.sourceType?.replaceAll(/, field: 'element'|nullable |non-null /gi, '')).toContain(
        arrow.split('(')[0],
      )
      const receipt = await bench.db.copy(statement)
      try {
        expect(receipt.rowsLoaded).toBe(2)
        const [type, text] = expected[name]
        const typeOf =
          name === 'duckdb'
            ? 'typeof(v)'
            : "format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'made'::regclass AND attname = 'v'"
        const [[found] = []] = await bench.sql(name === 'duckdb' ? `SELECT ${typeOf} FROM made` : `SELECT ${typeOf}`)
        expect(found).toBe(type)
        expect(
          await bench.sql(`SELECT v::${name === 'duckdb' ? 'VARCHAR' : 'text'} FROM made WHERE v IS NOT NULL`),
        ).toEqual([[text]])
      } finally {
        await bench.sql('DROP TABLE made')
      }
    },
  )

  test('an INTERVAL within another value is refused: its months cannot be read, and would be lost', async () => {
    const path = await write(`${name}-interval`, "[INTERVAL '1 month 2 days']")
    const error = await bench.db.copy(`COPY spans FROM '${path}' (FORMAT parquet, CREATE_TABLE)`).then(
      () => expect.fail('months would be lost'),
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({ sqlState: '0A000', message: expect.stringContaining('whose months cannot be read') })
  })

  test.each(LOSSY.map((each, index) => ({ ...each, index })))(
    '$value does not fit in $column',
    async ({ value, column, sqlState, index }) => {
      const path = await write(`${name}-lossy-${index}`, value)
      await bench.sql(`CREATE TABLE narrow (v ${column})`)
      try {
        const error = await bench.db.copy(`COPY narrow FROM '${path}' (FORMAT parquet)`).then(
          () => expect.fail('something would be lost'),
          (reason: unknown) => reason,
        )
        expect(error).toMatchObject({ sqlState, position: { line: 1, column: 'v' } })
        expect(await bench.sql('SELECT count(*) FROM narrow')).toEqual([['0']])
      } finally {
        await bench.sql('DROP TABLE narrow')
      }
    },
  )
})
