/** Statements that the differential test sends to both PostgreSQL and the parser. The table is `t (a int, b text, c text)`. */

/** Options with good and odd values, to be combined. */
const fragments: readonly string[] = [
  ...['FORMAT csv', 'FORMAT text', "FORMAT 'csv'", 'FORMAT "csv"', 'FORMAT CSV', 'FORMAT binary', 'FORMAT'],
  ...[
    "FORMAT 'CSV'",
    'FORMAT xml',
    'FORMAT *',
    'FORMAT (csv)',
    'FORMAT (a, b)',
    'FORMAT 1',
    'FORMAT -1.50',
    'FORMAT true',
  ],
  ...[
    'FORMAT default',
    "FORMAT E'c\\x73v'",
    'FORMAT 0x10',
    'FORMAT +5',
    'FORMAT 1_000',
    'FORMAT 4294967296',
    'FORMAT -0',
  ],
  ...[
    "DELIMITER ','",
    "DELIMITER ';'",
    "DELIMITER E'\\t'",
    "DELIMITER ''",
    "DELIMITER 'ab'",
    "DELIMITER 'a'",
    "DELIMITER '.'",
  ],
  ...[
    "DELIMITER '\\'",
    "DELIMITER 'N'",
    "DELIMITER 'Z'",
    "DELIMITER E'\\n'",
    "DELIMITER E'\\r'",
    "DELIMITER 'ä'",
    "DELIMITER '\"'",
  ],
  ...[
    'DELIMITER 7',
    'DELIMITER |',
    'DELIMITER *',
    'DELIMITER (a)',
    'DELIMITER x',
    'DELIMITER',
    "DELIMITER ' '",
    'DELIMITER on',
  ],
  ...[
    "NULL ''",
    "NULL 'NA'",
    "NULL '\\N'",
    "NULL 'a,b'",
    "NULL 'x\"y'",
    "NULL E'a\\nb'",
    "NULL E'a\\rb'",
    'NULL (a, b)',
    'NULL 0',
  ],
  ...['NULL', 'NULL null', 'NULL *', "NULL ';'", "NULL E'\\t'", 'NULL default', "NULL '日本'"],
  ...[
    "DEFAULT 'd'",
    "DEFAULT ''",
    "DEFAULT 'NA'",
    "DEFAULT '\\N'",
    "DEFAULT 'a,b'",
    "DEFAULT 'x\"y'",
    "DEFAULT E'a\\nb'",
    'DEFAULT',
  ],
  ...["DEFAULT ';'", 'DEFAULT default', "DEFAULT E'\\t'", 'DEFAULT 1.5'],
  ...[
    'HEADER',
    'HEADER true',
    'HEADER false',
    'HEADER on',
    'HEADER off',
    'HEADER 1',
    'HEADER 0',
    'HEADER match',
    "HEADER 'MATCH'",
  ],
  ...[
    "HEADER 'True'",
    'HEADER 2',
    'HEADER -1',
    'HEADER yes',
    'HEADER 1.0',
    'HEADER (true)',
    'HEADER *',
    "HEADER ''",
    'HEADER "ON"',
  ],
  ...[
    "QUOTE '\"'",
    "QUOTE ''''",
    "QUOTE ','",
    "QUOTE ''",
    "QUOTE 'ab'",
    "QUOTE 'ü'",
    "QUOTE E'\\n'",
    'QUOTE',
    'QUOTE N',
    "QUOTE 'A'",
  ],
  ...["ESCAPE '\\'", "ESCAPE '\"'", "ESCAPE ''", "ESCAPE 'ab'", "ESCAPE ','", 'ESCAPE', "ESCAPE E'\\n'", 'ESCAPE off'],
  ...[
    'FORCE_NOT_NULL *',
    'FORCE_NOT_NULL (a)',
    'FORCE_NOT_NULL (a, b)',
    'FORCE_NOT_NULL a',
    'FORCE_NOT_NULL',
    "FORCE_NOT_NULL 'a'",
  ],
  ...['FORCE_NOT_NULL ()', "FORCE_NOT_NULL ('b', c)", 'FORCE_NOT_NULL (*)', 'FORCE_NOT_NULL 1', 'FORCE_NOT_NULL (a b)'],
  ...[
    'FORCE_NULL *',
    'FORCE_NULL (a)',
    'FORCE_NULL (c, b)',
    'FORCE_NULL a',
    'FORCE_NULL',
    'FORCE_NULL (default)',
    'FORCE_NULL (1)',
  ],
  ...['FORCE_QUOTE *', 'FORCE_QUOTE (a)', 'FORCE_QUOTE a', 'FORCE_QUOTE'],
  ...[
    "ENCODING 'utf8'",
    'ENCODING utf8',
    "ENCODING 'UTF-8'",
    "ENCODING 'unicode'",
    "ENCODING ' u_t f.8 '",
    'ENCODING latin1',
    'ENCODING johab',
    'ENCODING',
  ],
  ...[
    "ENCODING 'nope'",
    "ENCODING ''",
    'ENCODING 8',
    `ENCODING 'utf8${'-'.repeat(59)}'`,
    `ENCODING 'utf8${'-'.repeat(60)}'`,
  ],
  ...["ENCODING 'windows-1252'", 'ENCODING *', "ENCODING 'utf16'"],
  ...[
    'ON_ERROR stop',
    'ON_ERROR STOP',
    "ON_ERROR 'Stop'",
    'ON_ERROR ignore',
    'ON_ERROR set_null',
    'ON_ERROR',
    'ON_ERROR 1',
    'ON_ERROR *',
  ],
  ...[
    'REJECT_LIMIT 1',
    'REJECT_LIMIT 0',
    'REJECT_LIMIT -5',
    'REJECT_LIMIT',
    "REJECT_LIMIT '7'",
    "REJECT_LIMIT ' 0x1_0 '",
  ],
  ...["REJECT_LIMIT 'x'", "REJECT_LIMIT ''", 'REJECT_LIMIT 1.5', 'REJECT_LIMIT 9223372036854775807', 'REJECT_LIMIT *'],
  ...[
    'REJECT_LIMIT 9223372036854775808',
    'REJECT_LIMIT -9223372036854775809',
    'REJECT_LIMIT (a)',
    'REJECT_LIMIT true',
    "REJECT_LIMIT '+ 1'",
  ],
  ...['LOG_VERBOSITY verbose', 'LOG_VERBOSITY default', 'LOG_VERBOSITY Silent', 'LOG_VERBOSITY loud', 'LOG_VERBOSITY'],
  ...['FREEZE false', 'FREEZE off', 'FREEZE 0', 'FREEZE maybe', 'FREEZE 2', 'FREEZE 0.0', 'FREEZE (false)'],
  ...[
    'nonsense',
    "delim ','",
    '"FORMAT" csv',
    '"Header"',
    'select 1',
    'header_x',
    "null_str ''",
    '"null" \'x\'',
    'format csv text',
    'order',
  ],
]

/** The older syntax without parentheses. */
const bareFragments: readonly string[] = [
  ...[
    'CSV',
    'BINARY',
    'HEADER',
    "DELIMITER ','",
    "DELIMITER AS ';'",
    "DELIMITERS ';'",
    "NULL ''",
    "NULL AS 'NA'",
    "QUOTE '\"'",
  ],
  ...[
    "QUOTE AS ''''",
    "ESCAPE '\\'",
    "ESCAPE AS '\"'",
    'FORCE NOT NULL a',
    'FORCE NOT NULL a, b',
    'FORCE NOT NULL *',
    'FORCE NULL c',
  ],
  ...[
    'FORCE NULL *',
    'FORCE QUOTE a',
    'FORCE NULL (a)',
    'FORCE NOT a',
    'FORCE a',
    'FORCE',
    "ENCODING 'utf8'",
    "ENCODING AS 'utf8'",
  ],
  ...[
    'ENCODING utf8',
    'HEADER match',
    'HEADER true',
    'DELIMITER',
    'DELIMITER x',
    'NULL',
    'QUOTE AS',
    'FORMAT csv',
    "DEFAULT 'x'",
  ],
  ...['TEXT', '"csv"', ',', '(FORMAT csv)', 'WITH', "USING DELIMITERS ','", "'x'", '1', 'HAVING true', '*'],
  ...['FORCE NULL select', 'FORCE NULL a b', 'ON_ERROR stop', 'FREEZE x', "ESCAPE N'a'"],
]

/** What may only end a statement of {@link bareFragments}: the server looks into a condition before it looks at options. */
const bareEnds: readonly string[] = [
  '',
  '',
  '',
  ';',
  'CSV;',
  'WHERE',
  'WHERE true',
  'FORCE NOT NULL a,',
  'WHERE a > 1;',
]

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
    statements.push(
      `COPY t FROM STDIN ${fragment}`,
      `COPY t FROM STDIN WITH CSV ${fragment}`,
      `COPY BINARY t FROM STDIN ${fragment}`,
    )
  }
  // Options that depend on one another, which chance would hardly bring together.
  for (const onError of [...fragments.filter((fragment) => fragment.startsWith('ON_ERROR')), '']) {
    for (const limit of fragments.filter((fragment) => /^(REJECT_LIMIT|LOG_VERBOSITY)/.test(fragment))) {
      for (const format of ['', 'FORMAT csv', 'FORMAT binary']) {
        const chosen = [limit, format, onError].filter((fragment) => fragment !== '')
        statements.push(`COPY t FROM STDIN (${chosen.join(', ')})`)
      }
    }
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
