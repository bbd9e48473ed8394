import type { DialectCase } from './case.ts'

/** `dialects.md`, section 2, and the statement of `spec/redshift-copy-job.md`. */
export const redshiftCases: readonly DialectCase[] = [
  {
    sentence: 'not with FIXEDWIDTH, REMOVEQUOTES, ESCAPE',
    statement: "COPY t FROM 'f' CSV QUOTE AS '%' IGNOREHEADER 1",
    options: {
      format: 'csv',
      quote: '%',
      delimiter: ',',
      null: '\\N',
      skip: 1,
      decimals: 'truncate',
      unpadQuotes: true,
    },
    dialect: 'redshift',
  },
  {
    sentence: 'blanks between delimiter and quote are ignored',
    statement: "COPY t FROM 'f' CSV QUOTE '~' DIALECT 'redshift'",
    options: { quote: '~', unpadQuotes: true },
  },
  {
    sentence: 'not with FIXEDWIDTH, REMOVEQUOTES, ESCAPE',
    statement: "COPY t FROM 'f' CSV ESCAPE",
    error: ['42601', 'COPY CSV cannot be used with ESCAPE of Redshift'],
  },
  {
    sentence: 'not with FIXEDWIDTH, REMOVEQUOTES, ESCAPE',
    statement: "COPY t FROM 'f' CSV REMOVEQUOTES",
    error: ['42601', 'COPY CSV cannot be used with REMOVEQUOTES of Redshift'],
  },
  {
    sentence: 'not with FIXEDWIDTH, REMOVEQUOTES, ESCAPE',
    statement: "COPY t FROM 'f' CSV FIXEDWIDTH 'a:1'",
    error: ['42601', 'cannot specify CSV in FIXED mode'],
  },
  {
    sentence: '**default pipe**, comma with CSV',
    statement: "COPY t FROM 'f' DIALECT 'redshift'",
    options: { delimiter: '|' },
  },
  {
    sentence: '**default pipe**, comma with CSV',
    statement: "COPY t FROM 'f' TRIMBLANKS",
    options: {
      format: 'text',
      delimiter: '|',
      null: '\\N',
      backslash: 'none',
      trimBlanks: true,
      emptyAsNull: 'values',
    },
    dialect: 'redshift',
  },
  {
    sentence: 'single ASCII or octal `\\ddd`',
    statement: "COPY t FROM 'f' DELIMITER AS '\\036' IGNOREBLANKLINES",
    options: { delimiter: '\x1e', skipBlankLines: true },
  },
  {
    sentence: 'labels free text unrelated to names; order = table order; widths in **characters**; UTF-8 only',
    statement: "COPY t FROM 'f' FIXEDWIDTH AS 'id: 5, any thing:20'",
    options: {
      format: 'fixed',
      fixed: {
        unit: 'chars',
        match: 'order',
        fields: [
          { name: { value: 'id' }, offset: 0, length: 5 },
          { name: { value: 'any thing' }, offset: 5, length: 20 },
        ],
      },
    },
    dialect: 'redshift',
  },
  {
    sentence: "PARQUET, ORC, AVRO 'auto', JSON 'auto' / jsonpaths",
    statement: "COPY t FROM 's3://b/k' IAM_ROLE default FORMAT AS PARQUET",
    options: { format: 'parquet', remote: { iamRole: 'default' } },
    dialect: 'redshift',
  },
  {
    sentence: "PARQUET, ORC, AVRO 'auto', JSON 'auto' / jsonpaths",
    statement: "COPY t FROM 's3://b/k' IAM_ROLE default JSON 'auto'",
    error: ['0A000', 'COPY format "json" is not supported yet'],
  },
  ...['GZIP', 'BZIP2', 'LZOP', 'ZSTD'].map(
    (word): DialectCase => ({
      sentence: 'GZIP, BZIP2, LZOP, ZSTD',
      statement: `COPY t FROM 'f' CSV ${word}`,
      options: { remote: { compression: word.toLowerCase() } },
      dialect: 'redshift',
      ...(word === 'LZOP' && { pending: 'COPY LZOP is not supported yet' }),
    }),
  ),
  {
    sentence: 'JSON {entries:[{url, mandatory, meta.content_length}]}; UTF-8',
    statement: "COPY t FROM 's3://b/m' CSV MANIFEST",
    options: { remote: { manifest: true } },
  },
  {
    sentence: 'cross-region read',
    statement: "COPY t FROM 's3://b/m' CSV REGION AS 'eu-central-1'",
    options: { remote: { region: 'eu-central-1' } },
  },
  {
    sentence: 'map to named credential; refuse secrets inline by default',
    statement: "COPY t FROM 's3://b/m' CSV CREDENTIALS 'aws_access_key_id=A;aws_secret_access_key=B'",
    options: { remote: { credentials: true } },
    pending: 'COPY CREDENTIALS would be a secret in the statement',
  },
  {
    sentence: 'map to named credential; refuse secrets inline by default',
    statement: "COPY t FROM 's3://b/m' CSV ACCESS_KEY_ID 'A' SECRET_ACCESS_KEY 'B' SESSION_TOKEN 'C'",
    options: { remote: { credentials: true } },
    pending: 'COPY ACCESS_KEY_ID would be a secret in the statement',
  },
  {
    sentence: 'skip n lines in *every* file',
    statement: "COPY t FROM 'f' CSV IGNOREHEADER AS 2",
    options: { skip: 2, header: 'false' },
  },
  {
    sentence: 'drop lines holding only a line feed',
    statement: "COPY t FROM 'f' CSV IGNOREBLANKLINES",
    options: { skipBlankLines: true },
  },
  {
    sentence: 'load fails when errors are **n or more**; 0 and 1 both mean first error; default 0, max 100000',
    statement: "COPY t FROM 'f' CSV MAXERROR AS 10",
    options: { errors: { conversion: 'skip_row', limit: { most: 9 } } },
  },
  {
    sentence: 'unlimited; not with MAXERROR; not for columnar',
    statement: "COPY t FROM 'f' CSV IGNOREALLERRORS MAXERROR 10",
    error: ['22023', 'COPY IGNOREALLERRORS cannot be used with MAXERROR'],
  },
  {
    sentence: 'parse and validate only',
    statement: "COPY t FROM 'f' CSV NOLOAD STATUPDATE ON",
    options: { validateOnly: true },
    notes: ['STATUPDATE'],
  },
  {
    sentence: 'parse and validate only',
    statement: "COPY t FROM 'f' CSV NOLOAD",
    options: { validateOnly: true },
  },
  {
    sentence: "default YYYY-MM-DD; 'auto' is case-sensitive",
    statement: "COPY t FROM 'f' CSV DATEFORMAT 'auto'",
    options: { dateFormats: { language: 'to_char', date: 'auto' } },
    dialect: 'redshift',
  },
  {
    sentence: "default YYYY-MM-DD; 'auto' is case-sensitive",
    statement: "COPY t FROM 'f' CSV DATEFORMAT AS 'AUTO'",
    error: ['22023', 'COPY DATE_FORMAT "AUTO" not recognized'],
  },
  ...['auto', 'epochsecs', 'epochmillisecs', 'DD.MM.YYYY HH:MI:SS'].map(
    (format): DialectCase => ({
      sentence: "TIMEFORMAT 'fmt' / 'auto' / 'epochsecs' / 'epochmillisecs'",
      statement: `COPY t FROM 'f' CSV TIMEFORMAT '${format}'`,
      options: { dateFormats: { timestamp: format } },
      dialect: 'redshift',
    }),
  ),
  {
    sentence: 'unparsable date/timestamp -> NULL, no error',
    statement: "COPY t FROM 'f' CSV ACCEPTANYDATE",
    options: { acceptAnyDate: true },
  },
  {
    sentence: 'each invalid UTF-8 char replaced by **as many** c as bytes; default `?`; VARCHAR only; counted',
    statement: "COPY t FROM 'f' CSV ACCEPTINVCHARS AS '^'",
    options: { invalidChars: { replacement: '^' } },
  },
  {
    sentence: "default `\\N`; `'\\0'` allowed",
    statement: "COPY t FROM 'f' CSV NULL AS '\\0' DIALECT 'redshift'",
    options: { null: '\0' },
  },
  {
    sentence: 'empty CHAR/VARCHAR -> NULL (other types always)',
    statement: "COPY t FROM 'f' CSV EMPTYASNULL",
    options: { emptyAsNull: 'all' },
  },
  {
    sentence: 'empty CHAR/VARCHAR -> NULL (other types always)',
    statement: "COPY t FROM 'f' CSV DIALECT 'redshift'",
    options: { emptyAsNull: 'values' },
  },
  {
    sentence: 'all-whitespace CHAR/VARCHAR -> NULL',
    statement: "COPY t FROM 'f' CSV BLANKSASNULL",
    options: { blanksAsNull: true },
  },
  {
    sentence: 'missing trailing fields -> NULL',
    statement: "COPY t FROM 'f' CSV FILLRECORD",
    options: { fillMissingFields: 'multi', emptyWhereMissing: true },
  },
  {
    sentence: 'cut to column width',
    statement: "COPY t FROM 'f' CSV TRUNCATECOLUMNS",
    options: { truncateColumns: true },
  },
  {
    sentence: 'strip \' or " ; unbalanced = error row',
    statement: "COPY t FROM 'f' REMOVEQUOTES",
    options: { removeQuotes: true, backslash: 'none', delimiter: '|' },
  },
  {
    sentence: '**flag**: backslash escapes next char (PG: takes a char)',
    statement: "COPY t FROM 'f' ESCAPE",
    options: { backslash: 'next', delimiter: '|' },
    dialect: 'redshift',
  },
  {
    sentence: '**flag**: backslash escapes next char (PG: takes a char)',
    statement: "COPY t FROM 'f' CSV ESCAPE '\\' DIALECT 'redshift'",
    error: ['22023', 'COPY ESCAPE takes no character in Redshift'],
  },
  {
    sentence: 'UTF16 needs BOM',
    statement: "COPY t FROM 'f' CSV ENCODING AS UTF8",
    options: { encoding: 'UTF8' },
    dialect: 'redshift',
  },
  {
    sentence: 'UTF16 needs BOM',
    statement: "COPY t FROM 'f' CSV ENCODING UTF16LE",
    options: { encoding: 'UTF16LE' },
    dialect: 'redshift',
  },
  {
    sentence: 'load IDENTITY columns',
    statement: "COPY t FROM 'f' CSV EXPLICIT_IDS",
    options: { explicitIds: true },
  },
  {
    sentence: 'round instead of truncate to scale',
    statement: "COPY t FROM 'f' CSV ROUNDEC",
    dialect: 'redshift',
  },
  {
    sentence: 'round instead of truncate to scale',
    statement: "COPY t FROM 'f' CSV IGNOREHEADER 1",
    options: { decimals: 'truncate' },
  },
  {
    sentence: 'storage tuning; STATUPDATE ON -> ANALYZE after load; others accept-and-note',
    statement: "COPY t FROM 'f' CSV COMPUPDATE PRESET COMPROWS 1000 STATUPDATE OFF",
    options: { format: 'csv' },
    notes: ['COMPUPDATE', 'COMPROWS'],
  },
  {
    sentence: 'storage tuning; STATUPDATE ON -> ANALYZE after load; others accept-and-note',
    statement: "COPY t FROM 'f' CSV STATUPDATE ON",
    options: { analyze: true },
  },
  {
    sentence: 'single ASCII or octal `\\ddd`',
    statement: "COPY t FROM 'f' DELIMITER '||' DIALECT 'redshift'",
    error: ['0A000', 'COPY delimiter must be a single one-byte character'],
  },
  {
    sentence: 'labels free text unrelated to names; order = table order; widths in **characters**; UTF-8 only',
    statement: "COPY t FROM 'f' FIXEDWIDTH 'a:1' ENCODING UTF16LE",
    error: ['0A000', 'COPY FIXEDWIDTH requires ENCODING UTF8'],
  },
  {
    sentence: 'load fails when errors are **n or more**; 0 and 1 both mean first error; default 0, max 100000',
    statement: "COPY t FROM 'f' MAXERROR 100001",
    error: ['22023', 'MAXERROR (100001) must be between 0 and 100000'],
  },
  {
    sentence: 'each invalid UTF-8 char replaced by **as many** c as bytes; default `?`; VARCHAR only; counted',
    statement: "COPY t FROM 'f' ACCEPTINVCHARS '??'",
    error: ['22023', 'COPY ACCEPTINVCHARS replacement must be a single ASCII character'],
  },
  {
    sentence: "PARQUET, ORC, AVRO 'auto', JSON 'auto' / jsonpaths",
    statement: "COPY t FROM 's3://b/k' FORMAT AS ORC",
    error: ['0A000', 'COPY format "orc" is not supported yet'],
  },
  {
    sentence: "PARQUET, ORC, AVRO 'auto', JSON 'auto' / jsonpaths",
    statement: "COPY t FROM 's3://b/k' AVRO 'auto'",
    error: ['0A000', 'COPY format "avro" is not supported yet'],
  },
]
