import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { Explanation } from '../../lib/explanation.ts'
import { useFolder } from '../copy/inputs.ts'
import { copyist } from './command.ts'

const folder = useFolder('copyist-cli-explain-')
const good = 'id,day\n1,2024-01-31\n2,2024-02-01\n'

test('says what the load would do, and makes nothing', async () => {
  const file = folder.file('good.csv', good)
  const to = join(folder.path, 'none.duckdb')
  const words = ['--to', to, '--create', `EXPLAIN COPY t FROM '${file}' CSV HEADER`]
  const { code, stdout, stderr } = await copyist({ words })
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(
    /^dialect {2}postgresql, since no word of the statement tells another\ntarget {3}duckdb, table t, which would be created\n/,
  )
  expect(stdout).toContain(`input    ${file}, 33 B, not compressed; all of it was read\n`)
  expect(stdout).toMatch(/^ {2}FORMAT +csv +given$/m)
  expect(stdout).toMatch(/^ {2}DELIMITER +',' +by default$/m)
  expect(stdout).toMatch(/^ {2}id +BIGINT {2}← field 1 {2}all values of 2 rows are whole numbers within bigint$/m)
  expect(stdout).toContain('CREATE TABLE t (\n  id BIGINT,\n  day DATE\n);\n')
  expect(stdout).toMatch(/^ {2}split +one part, cut at records, \d+ decoder threads?$/m)
  expect(stdout).toMatch(/not checked\n {2}the permission to write\n$/)
  expect(existsSync(to)).toBe(false)
})

test('VALIDATE has the exit code of the load, with what is wrong with its rows', async () => {
  const file = folder.file('bad.csv', `${good}x,2024-02-30\n`)
  const to = join(folder.path, 'there.duckdb')
  await copyist({ words: ['--to', to, '--create', `COPY t FROM '${folder.file('good.csv', good)}' CSV HEADER`] })
  const statement = `COPY t FROM '${file}' (FORMAT csv, HEADER)`
  const explained = await copyist({ words: ['--to', to, `EXPLAIN VALIDATE ${statement}`] })
  const loaded = await copyist({ words: ['--to', to, statement] })
  expect(explained.code).toBe(1)
  expect(explained.stdout).toMatch(/\n2 of 3 rows could be loaded\n1 row with errors\n\nrows {2}column /)
  expect(explained.stderr).toBe(loaded.stderr)

  const path = join(folder.path, 'rejects.csv')
  const words = ['--to', to, '--rejects', path, `EXPLAIN VALIDATE ${statement.replace(')', ', ON_ERROR skip_row)')}`]
  const tolerant = await copyist({ words })
  expect([tolerant.code, tolerant.stderr]).toEqual([0, ''])
  expect(tolerant.stdout).toMatch(/\n2 of 3 rows would be loaded\n/)
  expect(readFileSync(path, 'utf8')).toBe('id,day\nx,2024-02-30\n')

  const json = await copyist({ words: ['--to', to, '--json', `EXPLAIN VALIDATE ${statement}`] })
  expect([json.code, json.stderr]).toEqual([1, ''])
  const explanation = JSON.parse(json.stdout) as Explanation
  expect(explanation).toMatchObject({
    validated: true,
    validation: { rowsRead: 3, rowsRejected: 1 },
    failure: { sqlState: '22P02', position: { line: 4 } },
  })
  const quiet = await copyist({ words: ['--to', to, '-q', `EXPLAIN ${statement}`] })
  expect(quiet).toEqual({ code: 0, stdout: '', stderr: '' })

  const only = await copyist({ words: ['--to', to, statement.replace(')', ', ON_ERROR skip_row, VALIDATE_ONLY)')] })
  expect(only.code).toBe(0)
  expect(only.stdout).toMatch(/^nothing loaded: 2 rows could be, into t \(.*\)\n1 of 3 rows rejected\n/)
})

test('a statement that is wrong has exit code 2, explained or not', async () => {
  const words = ['--to', join(folder.path, 'none.duckdb'), 'EXPLAIN COPY t FROM STDIN (FORMAT xml)']
  expect(await copyist({ words })).toMatchObject({ code: 2, stdout: '' })
  const pending = await copyist({ words: [...words.slice(0, 2), "EXPLAIN COPY t FROM 'f' CSV LZOP"] })
  expect(pending.code).toBe(2)
  expect(pending.stdout).toMatch(/LZOP +true +given/)
  const rejects = await copyist({ words: ['--rejects', 'f', ...words.slice(0, 2), 'EXPLAIN COPY t FROM STDIN'] })
  expect(rejects.code).toBe(2)
  expect(rejects.stderr).toContain('EXPLAIN VALIDATE')
})

test('standard input is left alone', async () => {
  const stdin = new PassThrough()
  let isRead = false
  const { read } = stdin
  stdin.read = (size) => {
    isRead = true
    return read.call(stdin, size)
  }
  const to = join(folder.path, 'stdin.duckdb')
  await copyist({ words: ['--to', to, '--create', `COPY t FROM '${folder.file('good.csv', good)}' CSV HEADER`] })
  const { code, stdout } = await copyist({ words: ['--to', to, 'EXPLAIN COPY t FROM STDIN'], stdin })
  expect([code, isRead]).toEqual([0, false])
  expect(stdout).toContain('input    STDIN, of unknown size; nothing of it was read')
})
