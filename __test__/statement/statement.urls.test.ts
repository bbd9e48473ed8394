import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { CopyError } from '../../lib/index.ts'
import { parseCopy, parseStatement } from '../../lib/statement/parser.ts'

/* A presigned URL is a secret: whoever has it may read the object. */

describe('what a URL has for a secret is not kept', () => {
  test.each([
    [
      "COPY t FROM 'https://h/x.csv?X-Amz-Signature=hush&a=1' CSV",
      "COPY t FROM 'https://h/x.csv?************************' CSV",
    ],
    ["COPY t FROM 'https://hush:hush@h/x.csv' CSV", "COPY t FROM 'https://*********@h/x.csv' CSV"],
    ["COPY t FROM 'https://hush@h/x.csv?hush' CSV", "COPY t FROM 'https://****@h/x.csv?****' CSV"],
    ["COPY t FROM 'https://h/x#hush' CSV", "COPY t FROM 'https://h/x#****' CSV"],
    ["COPY t FROM 'https://h/x?it''s hush' CSV", "COPY t FROM 'https://h/x?**''* ****' CSV"],
    ["COPY t FROM E'https://h/x?hush\\'hush' CSV", "COPY t FROM E'https://h/x?**********' CSV"],
    ['COPY t FROM $q$https://h/x?hush$q$ CSV', 'COPY t FROM $q$https://h/x?****$q$ CSV'],
    ["COPY t FROM 'https://h/x?hu'\n'sh' CSV", "COPY t FROM 'https://h/x?**'\n'**' CSV"],
    [
      "COPY t FROM 'az://c/x?sig=hush' CSV WHERE a = 'https://h/?seen'",
      "COPY t FROM 'az://c/x?********' CSV WHERE a = 'https://h/?seen'",
    ],
    [
      "COPY t FROM 'https://h/d' (FORMAT csv, FILES = ['a.csv?hush', \"b]?it''s hush\", 'c.csv']) WHERE a = '?seen'",
      "COPY t FROM 'https://h/d' (FORMAT csv, FILES = ['a.csv?****', \"b]?**''******\", 'c.csv']) WHERE a = '?seen'",
    ],
    [
      "COPY t FROM 'ftp://h/d' (FORMAT csv, FILES = ['a.csv?hush'])",
      "COPY t FROM 'ftp://h/d' (FORMAT csv, FILES = ['a.csv?****'])",
    ],
    [
      "COPY t FROM 'htp://h/d' (FORMAT csv, FILES = ['a.csv?hush'])",
      "COPY t FROM 'htp://h/d' (FORMAT csv, FILES = ['a.csv?****'])",
    ],
    // Misspelt.
    ["COPY t FROM 'https:/hush:hush@h/x?hush' CSV", "COPY t FROM 'https:/*********@h/x?****' CSV"],
    ["COPY t FROM 'https:///hush:hush@h/x' CSV", "COPY t FROM 'https:///*********@h/x' CSV"],
    ["COPY t FROM 'S3:/hush:hush@b/x' CSV", "COPY t FROM 'S3:/*********@b/x' CSV"],
    ["COPY t FROM ' https://hush@h/x?hush' CSV", "COPY t FROM ' https://****@h/x?****' CSV"],
    [
      "COPY t FROM 'http:/h/d' (FORMAT csv, FILES = ['a.csv?hush'])",
      "COPY t FROM 'http:/h/d' (FORMAT csv, FILES = ['a.csv?****'])",
    ],
    [
      "COPY t FROM 'az://c/d' (FORMAT csv, FILES = ['a.csv?hush'])",
      "COPY t FROM 'az://c/d' (FORMAT csv, FILES = ['a.csv?****'])",
    ],
  ])('%j', (statement, text) => {
    const copy = parseCopy(statement)
    expect(copy.text).toBe(text)
    expect(copy.text).toHaveLength(statement.length)
    // What is read is the whole of it; and what is kept is a statement.
    expect(inspect([copy.source, copy.options.remote?.files])).toMatch(/hush/)
    expect(parseCopy(text).text).toBe(text)
  })

  test.each([
    "COPY t FROM 'a' (FORMAT csv, FILES = ['what?.csv'])",
    "COPY t FROM 'https://h/x.csv' CSV",
    "COPY t FROM 'file:///d' (FORMAT csv, FILES = ['what?.csv'])",
    "COPY t FROM 'file:///x?y' CSV",
    "COPY t FROM 'a?b*.csv' CSV",
    "COPY t FROM 'c:/a?b@c.csv' CSV",
    "COPY t FROM 's3://b/a@b.csv' CSV",
  ])('%j has none', (statement) => expect(parseCopy(statement).text).toBe(statement))

  test.each([
    "COPY t FROM 'https://h/x.csv?X-Amz-Signature=hush' CSV nonsense",
    "COPY t FROM 'https://h/x.csv?X-Amz-Signature=hush' (FORMAT no)",
    "COPY t FROM 'https://hush@h/x.csv?hush",
    "COPY t FROM 'htp://h/d' (FILES = ['a.csv?hush'], NONSENSE)",
    "COPY t FROM 'https://h/?hush' 'https://h/?hush'",
    "COPY t FROM 'https:/hush@h/?hush' CSV nonsense",
    "COPY t FRM 'https://h/?hush'",
  ])('nor shown by the error of %j', (statement) => {
    let error: unknown
    try {
      parseStatement(statement)
    } catch (reason) {
      error = reason
    }
    expect(error).toBeInstanceOf(CopyError)
    expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain('hush')
    expect((error as CopyError).statement?.text).toHaveLength(statement.length)
  })
})
