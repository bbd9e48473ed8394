/** Statements that the differential test sends to both PostgreSQL and the parser. The table is `t (a int, b text, c text)`. */

/** Options with good and odd values, to be combined. */
const fragments: readonly string[] = [
  ...['FORMAT csv', 'FORMAT text', "FORMAT 'csv'", 'FORMAT "csv"', 'FORMAT CSV', 'FORMAT binary', 'FORMAT'],
  ...["FORMAT 'CSV'", 'FORMAT xml', 'FORMAT *', 'FORMAT (csv)', 'FORMAT (a, b)', 'FORMAT 1', 'FORMAT -1.50', 'FORMAT true'],
  ...['FORMAT default', "FORMAT E'c\\x73v'", 'FORMAT 0x10', 'FORMAT +5', 'FORMAT 1_000', 'FORMAT 4294967296', 'FORMAT -0'],
  ...["DELIMITER ','", "DELIMITER ';'", "DELIMITER E'\\t'", "DELIMITER ''", "DELIMITER 'ab'", "DELIMITER 'a'", "DELIMITER '.'"],
  ...["DELIMITER '\\'", "DELIMITER 'N'", "DELIMITER 'Z'", "DELIMITER E'\\n'", "DELIMITER E'\\r'", "DELIMITER 'ä'", "DELIMITER '\"'"],
  ...['DELIMITER 7', 'DELIMITER |', 'DELIMITER *', 'DELIMITER (a)', 'DELIMITER x', 'DELIMITER', "DELIMITER ' '", 'DELIMITER on'],
  ...["NULL ''", "NULL 'NA'", "NULL '\\N'", "NULL 'a,b'", "NULL 'x\"y'", "NULL E'a\\nb'", "NULL E'a\\rb'", 'NULL (a, b)', 'NULL 0'],
  ...['NULL', 'NULL null', 'NULL *', "NULL ';'", "NULL E'\\t'", 'NULL default', "NULL '日本'"],
  ...["DEFAULT 'd'", "DEFAULT ''", "DEFAULT 'NA'", "DEFAULT '\\N'", "DEFAULT 'a,b'", "DEFAULT 'x\"y'", "DEFAULT E'a\\nb'", 'DEFAULT'],
  ...["DEFAULT ';'", 'DEFAULT default', "DEFAULT E'\\t'", 'DEFAULT 1.5'],
  ...['HEADER', 'HEADER true', 'HEADER false', 'HEADER on', 'HEADER off', 'HEADER 1', 'HEADER 0', 'HEADER match', "HEADER 'MATCH'"],
  ...["HEADER 'True'", 'HEADER 2', 'HEADER -1', 'HEADER yes', 'HEADER 1.0', 'HEADER (true)', 'HEADER *', "HEADER ''", 'HEADER "ON"'],
  ...["QUOTE '\"'", "QUOTE ''''", "QUOTE ','", "QUOTE ''", "QUOTE 'ab'", "QUOTE 'ü'", "QUOTE E'\\n'", 'QUOTE', 'QUOTE N', "QUOTE 'A'"],
  ...["ESCAPE '\\'", "ESCAPE '\"'", "ESCAPE ''", "ESCAPE 'ab'", "ESCAPE ','", 'ESCAPE', "ESCAPE E'\\n'", 'ESCAPE off'],
  ...['FORCE_NOT_NULL *', 'FORCE_NOT_NULL (a)', 'FORCE_NOT_NULL (a, b)', 'FORCE_NOT_NULL a', 'FORCE_NOT_NULL', "FORCE_NOT_NULL 'a'"],
  ...['FORCE_NOT_NULL ()', "FORCE_NOT_NULL ('b', c)", 'FORCE_NOT_NULL (*)', 'FORCE_NOT_NULL 1', 'FORCE_NOT_NULL (a b)'],
  ...['FORCE_NULL *', 'FORCE_NULL (a)', 'FORCE_NULL (c, b)', 'FORCE_NULL a', 'FORCE_NULL', 'FORCE_NULL (default)', 'FORCE_NULL (1)'],
  ...['FORCE_QUOTE *', 'FORCE_QUOTE (a)', 'FORCE_QUOTE a', 'FORCE_QUOTE'],
  ...["ENCODING 'utf8'", 'ENCODING utf8', "ENCODING 'UTF-8'", "ENCODING 'unicode'", "ENCODING ' u_t f.8 '", 'ENCODING latin1', 'ENCODING'],
  ...["ENCODING 'nope'", "ENCODING ''", 'ENCODING 8', `ENCODING 'utf8${'-'.repeat(59)}'`, `ENCODING 'utf8${'-'.repeat(60)}'`],
  ...["ENCODING 'windows-1252'", 'ENCODING *', "ENCODING 'utf16'"],
  ...['ON_ERROR stop', 'ON_ERROR STOP', "ON_ERROR 'Stop'", 'ON_ERROR ignore', 'ON_ERROR set_null', 'ON_ERROR', 'ON_ERROR 1', 'ON_ERROR *'],
  ...['REJECT_LIMIT 1', 'REJECT_LIMIT 0', 'REJECT_LIMIT -5', 'REJECT_LIMIT', "REJECT_LIMIT '7'", "REJECT_LIMIT ' 0x1_0 '"],
  ...["REJECT_LIMIT 'x'", "REJECT_LIMIT ''", 'REJECT_LIMIT 1.5', 'REJECT_LIMIT 9223372036854775807', 'REJECT_LIMIT *'],
  ...['REJECT_LIMIT 9223372036854775808', 'REJECT_LIMIT -9223372036854775809', 'REJECT_LIMIT (a)', 'REJECT_LIMIT true', "REJECT_LIMIT '+ 1'"],
  ...['LOG_VERBOSITY verbose', 'LOG_VERBOSITY default', 'LOG_VERBOSITY Silent', 'LOG_VERBOSITY loud', 'LOG_VERBOSITY'],
  ...['FREEZE false', 'FREEZE off', 'FREEZE 0', 'FREEZE maybe', 'FREEZE 2', 'FREEZE 0.0', 'FREEZE (false)'],
  ...['nonsense', 'delim \',\'', '"FORMAT" csv', '"Header"', 'select 1', 'header_x', 'null_str \'\'', '"null" \'x\'', 'format csv text', 'order'],
]

/** The older syntax without parentheses. */
const bareFragments: readonly string[] = [
  ...['CSV', 'BINARY', 'HEADER', "DELIMITER ','", "DELIMITER AS ';'", "DELIMITERS ';'", "NULL ''", "NULL AS 'NA'", "QUOTE '\"'"],
  ...["QUOTE AS ''''", "ESCAPE '\\'", "ESCAPE AS '\"'", 'FORCE NOT NULL a', 'FORCE NOT NULL a, b', 'FORCE NOT NULL *', 'FORCE NULL c'],
  ...['FORCE NULL *', 'FORCE QUOTE a', 'FORCE NULL (a)', 'FORCE NOT a', 'FORCE a', 'FORCE', "ENCODING 'utf8'", "ENCODING AS 'utf8'"],
  ...['ENCODING utf8', 'HEADER match', 'HEADER true', 'DELIMITER', 'DELIMITER x', 'NULL', 'QUOTE AS', 'FORMAT csv', "DEFAULT 'x'"],
  ...['TEXT', '"csv"', ',', '(FORMAT csv)', 'WITH', "USING DELIMITERS ','", "'x'", '1', 'HAVING true', '*'],
  ...['FORCE NULL select', 'FORCE NULL a b', 'ON_ERROR stop', 'FREEZE x', "ESCAPE N'a'"],
]

/** What may only end a statement of {@link bareFragments}: the server looks into a condition before it looks at options. */
const bareEnds: readonly string[] = ['', '', '', ';', 'CSV;', 'WHERE', 'WHERE true', 'FORCE NOT NULL a,', 'WHERE a > 1;']

const literals: readonly string[] = [
  ...["'it''s'", "'a' 'b'", "'a'\n'b'", "'a' -- c\n  'b'", "'a'\n-- c\n\t'b'", "'a' /* \n */ 'b'", "'a'\r'b'", "'a'\n\n\f'b' 'c'"],
  ...["E'a\\'b'", "E'a''b'", "E'\\b\\f\\n\\r\\t\\v\\q\\\\'", "E'\\101\\1010\\x41\\x4\\x4g\\8'", "E'\\u00e4\\U0001F600'", "E'a'\n'\\x41'"],
  ...["E'\\ud83d\\ude00'", "E'\\ud83d\\U0000de00'", "E'\\ud83d'", "E'\\ud83dx'", "E'\\ud83d\\n'", "E'\\ud83d'\n'\\ude00'", "E'\\ud83d'''"],
  ...["E'\\ude00'", "E'\\ud83d\\ud83d'", "E'\\ud83d\\u0041'", "E'\\u12'", "E'\\u12g4'", "E'\\U1234567'", "E'\\U00110000'", "E'\\u0000'"],
  ...["E'\\U00000000'", "E'\\xff'", "E'\\xc3\\xa4'", "E'\\303\\244'", "E'\\xc3'", "E'\\xc3x'", "E'\\xe4x'", "E'\\xf0\\x9f\\x98'", "E'\\xc0\\x80'"],
  ...["E'\\xed\\xa0\\x80'", "E'\\xf4\\x90\\x80\\x80'", "E'\\0'", "E'\\400'", "E'\\x00'", "E'ok\\xe2\\x82\\xac\\xfe'", "E'\\'", "E'abc", "'abc"],
  ...["E'abc\\", "'a' 'b", "'a'\n'b", '"abc', '""', '"a""b"', '"', "e'x'", "N'x'", "n'x'", "B'01'", "b'2'", "X'1f'", "x'g'", "B'01", 'E', 'U&'],
  ...['$$a$$', '$$a', '$a$b$a$', '$a$b$$a$', '$ä1$x$ä1$', '$1$', '$1', '$1a', '$', '$$', '$99999999999', '$a', '$a$', "$$it's$$", '$a$ $b$'],
  ...['1', '1.5', '.5', '5.', '1e5', '1e', '1e+', '1e+x', '1_0', '1_', '1__0', '0x', '0xg', '0x_', '0x1f', '0o', '0o8', '0b', '0b12', '1a'],
  ...['1.a', '1..2', '1.5.2', '.5a', '1e5a', '012', '0x1fg', '..', '.', '*', '+', '-', '+-', '<=', '::', ':=', ':', '!', '@>'],
  ...['/* a */', '/* a', '/* /* */', '/* /* */ */', "-- 'x'", '--', '/', '*/', '{', '}', '\\', '?', '&', '#', "ä", '日本', '😀', '_', '$x', 'a$1'],
  ...["STDIN", "stdin", "STDOUT", '"stdin"', 'PROGRAM', "PROGRAM 'x'", 'x', 'select', '', ' ', ';', "'x';", "'x' ;  -- done", "'x' ; /* done */"],
]

const tables: readonly string[] = [
  ...['t', 'T', '"t"', '"T x"', 't (a)', 't (a, b)', 't (A, "b")', 't(c,a)', 't ()', 't (a,)', 't (,a)', 't (a b)', 't (a', 't a', 't (1)'],
  ...['t (select)', 't (left)', "t ('a')", 't (a.b)', 't (*)', 'select', 'left', 'user', '"user', '""', "'t'", '1', '(t)x', 't.', 't..t', '.t'],
  ...['a.b.c.d', 'a.b.c.d.e', '"a"."b".c."D"', 'pg_temp.t', 'pg_temp."t"', 'PG_TEMP . T', 't/* c */(a)', 't -- c\n (a)', '$1', 'BINARY t', 't t'],
  ...['IN', 't, t', 't (a) (b)', 'pg_temp.t (a)', "U&'t'", 'a.1', "a.'b'", '"t" (a)'],
]

const tails: readonly string[] = [
  ...['', ';', 'WHERE a > 1', 'WHERE (a > 1) AND b = \'x;y\';', 'WHERE', 'WHERE;', 'WHERE (a', 'WHERE a)', 'WHERE (a = 1;)', "WHERE b = 'x"],
  ...['WHERE a = 1 -- done', 'WHERE a = 1 /* done */ ;', 'WHERE a = 1 /* open', "WHERE b = E'\\u00' OR true", 'WITH', 'WITH WHERE true', 'WITH ()'],
  ...['()', '(', '(,)', '(FORMAT csv,)', '(FORMAT csv', '(FORMAT csv HEADER)', '(FORMAT csv) CSV', '(FORMAT csv) WHERE true', 'WHERE true (FORMAT csv)'],
  ...['(FORMAT csv) WITH', '(FORMAT csv) x', "USING DELIMITERS ','", "USING DELIMITERS ',' WITH CSV", "DELIMITERS ',' (FORMAT csv)", 'USING x', 'USING'],
  ...["DELIMITERS ',' DELIMITER ','", "DELIMITERS ','(DELIMITER ',')", 'DELIMITERS x', 'AS', "AS 'x'", 'TO', 'INTO', 'INTO t', "'x'", 'CSV WHERE true'],
  ...['CSV HEADER WHERE b IS NOT NULL;', 'WHERE a IN (1, 2, 3)', "WHERE b LIKE '%)'", 'WHERE b = $$;)$$', 'WHERE b = $x$;$x$ ;', 'WHERE "a" = 1'],
  ...['WHERE a = ALL (ARRAY[1, 2])', 'WHERE (ARRAY[a])[1] = 1', "WHERE b = 'x'\n'y'", "WHERE b = U&'x'"],
]

/** Statements about the grammar: literals, names, order of clauses. */
export function grammarStatements(): string[] {
  const statements: string[] = []
  for (const literal of literals) {
    statements.push(`COPY t FROM ${literal}`, `COPY t FROM ${literal} x`, `COPY t FROM '😀' (a ${literal})`)
    statements.push(`COPY t FROM 'x' (DELIMITER ',', NULL ${literal}, ${literal})`, `COPY t FROM 'x' NULL ${literal} CSV`)
  }
  for (const table of tables) {
    statements.push(`COPY ${table} FROM STDIN`, `COPY ${table} FROM 'x' CSV`, `copy\t${table}\nfrom stdin with (format csv)`)
  }
  for (const tail of tails) {
    for (const head of ['COPY t FROM STDIN', "COPY t (a, b) FROM 'x'", 'COPY t FROM STDIN CSV', 'COPY t FROM STDIN WITH']) {
      statements.push(`${head} ${tail}`)
    }
  }
  statements.push('COPY', 'COPY;', 'copy t', 'COPY t FROM', 'COPY FROM STDIN', 'COPY t (a) FORM STDIN', '/* c */ COPY -- x')
  return statements
}

/** A small generator of pseudo-random numbers, so that every run sends the same statements. */
function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Statements about options: every one alone and with each format, and thousands of combinations. */
export function optionStatements(): string[] {
  const statements: string[] = []
  for (const fragment of fragments) {
    statements.push(`COPY t FROM STDIN (${fragment})`, `COPY t FROM STDIN WITH (FORMAT csv, ${fragment})`)
    statements.push(`COPY t FROM STDIN (${fragment}, FORMAT binary)`, `COPY t FROM STDIN (${fragment}, ${fragment})`)
  }
  for (const fragment of [...bareFragments, ...bareEnds]) {
    statements.push(`COPY t FROM STDIN ${fragment}`, `COPY t FROM STDIN WITH CSV ${fragment}`, `COPY BINARY t FROM STDIN ${fragment}`)
  }
  const pick = random(20_250_101)
  const choose = (from: readonly string[]) => from[pick(from.length)] ?? ''
  for (let i = 0; i < 6_000; i++) {
    const chosen = Array.from({ length: 2 + pick(4) }, () => choose(fragments))
    if (pick(2) === 0) chosen.splice(pick(chosen.length), 0, 'FORMAT csv')
    statements.push(`COPY t FROM STDIN WITH (${chosen.join(', ')})`)
  }
  for (let i = 0; i < 2_000; i++) {
    const chosen = Array.from({ length: 2 + pick(3) }, () => choose(bareFragments))
    statements.push(`COPY t FROM STDIN ${chosen.join(' ')} ${choose(bareEnds)}`)
  }
  return statements
}
