import { describe, expect, test } from 'vitest'
import { chooseDestination, redact } from '../../lib/cli/destination.ts'

describe('the target', () => {
  test.each([
    ['x.duckdb', { COPYIST_TO: 'y', PGHOST: 'h' }, 'x.duckdb', false],
    [undefined, { COPYIST_TO: 'y', PGHOST: 'h' }, 'y', false],
    [undefined, { COPYIST_TO: '', PGHOST: 'h' }, 'postgres://', false],
    [undefined, { PGDATABASE: 'd' }, 'postgres://', false],
    [undefined, { PGUSER: 'u' }, 'copyist.duckdb', true],
    [undefined, {}, 'copyist.duckdb', true],
  ])('--to %s with %j', (to, environment, target, isFallback) => {
    expect(chooseDestination(to, environment)).toEqual({ target, isFallback })
  })
})

describe('passwords are never printed', () => {
  test.each([
    ['Invalid URL: postgres://u:s3cret@h/d', 'Invalid URL: postgres://u:***@h/d'],
    ['postgres://u:p@ss@h/d and postgresql://:x@h', 'postgres://u:***@h/d and postgresql://:***@h'],
    ['postgres://h/d?user=u&password=s3cret&x=1', 'postgres://h/d?user=u&password=***&x=1'],
    ["host=h password='a b' user=u", 'host=h password=*** user=u'],
    ['host=h sslpassword=abc', 'host=h sslpassword=***'],
    ['postgres://user@host/database', 'postgres://user@host/database'],
    ['COPY t, line 3: "a:b@c"', 'COPY t, line 3: "a:b@c"'],
  ])('%s', (text, redacted) => {
    expect(redact(text, undefined, {})).toBe(redacted)
  })

  test('wherever the password of the target occurs', () => {
    expect(redact('no: s3/cret, s3%2Fcret', 'postgres://u:s3%2Fcret@h/d', {})).toBe('no: ***, ***')
    expect(redact("'postgres' is not in 'postgres://…'", 'postgres://u:postgres@h/d', {})).toBe(
      "'***' is not in 'postgres://…'",
    )
    expect(redact('no: qu%ery', 'postgres://h/d?password=qu%ery', {})).toBe('no: ***')
    expect(redact('no: from-env', 'x.duckdb', { PGPASSWORD: 'from-env' })).toBe('no: ***')
  })
})
