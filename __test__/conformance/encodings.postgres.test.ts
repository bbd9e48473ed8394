/**
 * Every sequence of bytes that could be a character, in every encoding: the server's own COPY makes the same of it, or refuses it in the
 * same words.
 */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect, type Database, type Reject } from '../../lib/index.ts'
import { encodingNames } from '../../lib/statement/encodings.ts'
import { createScratchDatabase, type ScratchDatabase } from '../postgres.ts'
import { serverCopy } from '../server-copy.ts'

let database: ScratchDatabase
let client: pg.Client
let db: Database

beforeAll(async () => {
  database = await createScratchDatabase()
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  db = await connect(client)
  await client.query(`
    CREATE TABLE theirs (n serial, a text);
    CREATE TABLE ours (n serial, a text);
    CREATE FUNCTION refusal(line bytea, encoding text) RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM convert_from(line, encoding);
      RETURN NULL;
    EXCEPTION WHEN OTHERS THEN
      RETURN SQLSTATE || ' ' || SQLERRM;
    END $$`)
})

afterAll(async () => {
  await db.close()
  await client.end()
  await database.drop()
})

/** Bytes that end a line, and those taken for the quote and the delimiter. */
const SPECIAL = [0x00, 0x01, 0x02, 0x0a, 0x0d]
const OPTIONS = "FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02', NULL 'none'"

function* sequences(encoding: string): Generator<Buffer> {
  for (let first = 0x80; first <= 0xff; first += 1) yield Buffer.of(first)
  if (!/^(?:EUC|SJIS|BIG5|GB|UHC)/.test(encoding)) return
  for (let first = 0x80; first <= 0xff; first += 1) {
    for (let second = 1; second <= 0xff; second += 1) {
      yield Buffer.of(first, second)
      if (encoding !== 'EUC_JP' || first !== 0x8f || second < 0x80) continue
      for (let third = 0x7f; third <= 0xff; third += 1) yield Buffer.of(first, second, third)
    }
  }
  if (encoding !== 'GB18030') return
  // All of the table, and some of what is counted.
  for (let at = 0; at < 126 * 12_600; at += at < 40_000 ? 1 : 97) {
    const bytes = [0x81 + Math.floor(at / 12_600), 0x30 + (Math.floor(at / 1260) % 10)]
    yield Buffer.of(...bytes, 0x81 + (Math.floor(at / 10) % 126), 0x30 + (at % 10))
  }
}

test.each(encodingNames.filter((name) => !name.startsWith('UTF')))('%s', { timeout: 120_000 }, async (encoding) => {
  const lines = [...sequences(encoding)]
    .filter((bytes) => !bytes.some((byte) => SPECIAL.includes(byte)))
    // Messages show up to four bytes, which are to be of one line.
    .map((bytes) => Buffer.concat([bytes, Buffer.from('zz\n')]))
  const { rows } = await client.query<{ refusal: string | null }>(
    `SELECT refusal(decode(line, 'hex'), $2) FROM unnest($1::text[]) WITH ORDINALITY AS t (line, n) ORDER BY n`,
    [lines.map((line) => line.toString('hex')), encoding],
  )
  const refusals = rows.map((row) => row.refusal)
  await client.query('TRUNCATE theirs, ours RESTART IDENTITY')
  const accepted = Buffer.concat(lines.filter((_, index) => refusals[index] === null))
  await serverCopy(client, `COPY theirs (a) FROM STDIN (${OPTIONS}, ENCODING '${encoding}')`, accepted)
  const rejects: Reject[] = []
  const input = Buffer.concat(lines)
  const receipt = await db.copy(`COPY ours (a) FROM STDIN (${OPTIONS}, ENCODING '${encoding}', ON_ERROR skip_row)`, {
    stdin: input,
    ledger: false,
    onReject: (reject) => rejects.push(reject),
  })
  expect(receipt.bytesRead).toBe(input.length)
  const { rows: different } = await client.query(
    'SELECT n, theirs.a AS theirs, ours.a AS ours FROM theirs FULL JOIN ours USING (n) WHERE theirs.a IS DISTINCT FROM ours.a',
  )
  expect(different.slice(0, 20)).toEqual([])
  const told = rejects.map(({ raw, errors: [error] }) => `${raw.toString('hex')} ${error?.sqlState} ${error?.message}`)
  const expected = lines.flatMap((line, index) => {
    const refusal = refusals[index]
    return refusal === null ? [] : [`${line.subarray(0, -1).toString('hex')} ${refusal}`]
  })
  expect(told.filter((line, index) => line !== expected[index]).slice(0, 20)).toEqual([])
  expect(told.length).toBe(expected.length)
})
