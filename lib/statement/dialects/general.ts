/** Options of copyist's own language that no file of PostgreSQL's options has: they are anybody's. */
import type { Compression, Dialect, Lineage } from '../ast.ts'
import type { DatePattern } from '../date-patterns.ts'
import { choice, define, flag } from '../option-definition.ts'
import { dialectNames } from './names.ts'

export type GeneralKey =
  | 'dialect'
  | 'compression'
  | 'map by name'
  | 'lineage'
  | 'hive_partitioning'
  | 'unit'
  | 'date_format'
  | 'time_format'
  | 'timestamp_format'

/** Codecs that can be read. */
export const codecs = ['gzip', 'zstd', 'bzip2', 'xz', 'lz4', 'brotli'] as const satisfies readonly Compression[]

const text = ['csv', 'text', 'fixed', 'parquet', 'arrow'] as const
const binaryError = ['42601', 'in the binary format'] as const

/** Other systems have these words, too, as well as GaussDB, from which they are. */
const ofGaussdb = { dialect: 'gaussdb', exclusive: false } as const

export const generalOptions = {
  dialect: define<Dialect>({
    synopsis: "{ 'postgresql' | 'gaussdb' | 'materialize' | 'questdb' | 'redshift' }",
    summary:
      'Whose rules and defaults hold. Without it they are those of the system of which the statement has a word that no other has, or else PostgreSQL’s.',
    defaultNote: 'as the words of the statement tell',
    formats: ['csv', 'text', 'fixed', 'binary', 'parquet', 'arrow'],
    bare: [{ words: ['dialect'], takes: 'value' }],
    otherNames: ['flavor', 'flavour', 'sql_dialect'],
    dialects: [],
    example: "DIALECT 'gaussdb'",
    errors: [['22023', 'no such dialect, or a word of another system beside it']],
    read: (reader) => choice(reader, 'DIALECT', dialectNames),
  }),
  compression: define<'auto' | 'none' | Compression>({
    synopsis: "{ 'auto' | 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz' | 'lz4' | 'brotli' }",
    summary:
      'How the input is compressed. By default its first bytes tell, or of brotli, which has no mark of its own, the name, which ends in .br.',
    defaultNote: "'auto'",
    formats: ['csv', 'text', 'fixed', 'binary'],
    bare: [{ words: ['compression'], takes: 'value' }],
    otherNames: ['codec', 'compression_codec', 'compress'],
    dialects: [],
    example: "COMPRESSION 'gzip'",
    errors: [
      ['22023', 'no such codec, or GZIP, BZIP2, LZOP or ZSTD beside it'],
      ['22P04', 'the input is not compressed so, or breaks off'],
    ],
    read: (reader) => choice(reader, 'COMPRESSION', ['auto', 'none', ...codecs]),
  }),
  'map by name': define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'The fields are matched with the columns by the names in the header, whatever their order; columns that it lacks take their defaults, and fields that the table lacks are dropped. Names match in the same case first, then in any. Of Parquet and Arrow files with false the columns of every file belong to those of the list, or of the table, in their order; there must be as many.',
    default: { text: false, csv: false },
    defaultNote: '`false`; of parquet and arrow `true`',
    formats: ['csv', 'text', 'parquet', 'arrow'],
    bare: [{ words: ['map', 'by', 'name'], takes: 'nothing', inParentheses: true }],
    otherNames: ['map_by_name', 'match_by_column_name', 'by_name', 'union_by_name'],
    dialects: [],
    example: 'MAP BY NAME',
    errors: [['22023', 'with HEADER false or HEADER MATCH']],
    read: (reader) => reader.boolean(),
  }),
  lineage: define<readonly Lineage[]>({
    synopsis: '( column [ what ] [, ...] )',
    summary:
      'Columns that are not in the file and tell where each row comes from: file (its name, as errors have it), line (that in which the record begins; of Parquet and Arrow files the number of the row), offset (the byte, counted in the decompressed file), load_id, etag (the tag of an object without its quotes), last_modified and size (of the file as it is stored). What is not known, such as the tag of a local file, is NULL. Without a word the name of the column is the word.',
    defaultNote: 'none',
    formats: text,
    bare: [{ words: ['lineage'], takes: 'clause' }],
    clause: 'lineage',
    otherNames: ['filename', 'file_name', 'source_columns', 'metadata_columns', 'include_metadata'],
    dialects: [],
    example: 'LINEAGE (source_file file, source_line line, load_id)',
    errors: [
      ['22023', 'no such word'],
      ['42701', 'a column twice, also in FILLER, CONSTANT or SEQUENCE; one that is read'],
      ['0A000', 'line or offset for a column that is no whole number or numeric; offset of parquet and arrow'],
      ['23502', 'what is not known in a column that is NOT NULL'],
      ['22003', 'line or offset too large for its column, whatever ON_ERROR says'],
      binaryError,
    ],
    read: (reader) => reader.clause('lineage').columns,
  }),
  hive_partitioning: define<boolean>({
    synopsis: '[ boolean ]',
    summary:
      'The parts key=value of the path of each file, such as year=2024/month=05, are columns of these names: percent-decoded, NULL for __HIVE_DEFAULT_PARTITION__, and otherwise what the type of the column makes of the text. Every file must have the same keys, and the table a column for each. Where columns are matched by name, those of these names in the file are not read.',
    default: { text: false, csv: false },
    formats: text,
    bare: [flag('hive_partitioning')],
    otherNames: ['hivepartitioning', 'hive_partition', 'partition_columns', 'partitioned', 'partitioning'],
    dialects: [],
    example: 'HIVE_PARTITIONING',
    errors: [
      ['22023', 'a stream; a path without such parts, or with other ones than the first file; a key twice'],
      ['42703', 'a key that is no column of the table'],
      ['22P02', 'a value that the type of its column refuses, or as that says; always of the whole load'],
      binaryError,
    ],
    read: (reader) => reader.boolean(),
  }),
  unit: define<'bytes' | 'chars'>({
    synopsis: '{ bytes | chars }',
    summary: 'What FORMATTER, and WHEN beside it, count: bytes of the file in its own encoding, or characters.',
    defaultNote: 'bytes',
    formats: ['fixed'],
    bare: [{ words: ['unit'], takes: 'value' }],
    otherNames: ['length_unit'],
    dialects: [],
    example: 'UNIT chars',
    errors: [
      ['0A000', 'in a format other than fixed'],
      ['22023', 'with FIXEDWIDTH, whose widths are characters'],
    ],
    read: (reader) => choice(reader, 'UNIT', ['bytes', 'chars']),
  }),
  date_format: define<DatePattern>({
    synopsis: "{ 'pattern' | ( 'pattern' [, ...] ) }",
    summary:
      "How dates are written, in the patterns of PostgreSQL's to_char, or of strptime ('%d/%m/%Y'); several are tried in order. The elements of arrays are read by them, too; a range, and what else only the database reads, cannot have them. A table that is made has dates where they match all values of a column.",
    defaultNote: "PostgreSQL's literals; in Redshift's dialect YYYY-MM-DD",
    formats: text,
    bare: [
      { words: ['date_format'], takes: 'value' },
      {
        words: ['dateformat'],
        takes: 'string',
        as: true,
        inParentheses: true,
        of: { dialect: 'redshift', exclusive: true },
      },
    ],
    otherNames: ['date_pattern'],
    of: ofGaussdb,
    dialects: ['gaussdb', 'redshift'],
    example: "DATE_FORMAT ('DD.MM.YYYY', 'YYYYMMDD')",
    errors: [binaryError],
    read: (reader) => reader.patterns(),
  }),
  time_format: define<DatePattern>({
    synopsis: "{ 'pattern' | ( 'pattern' [, ...] ) }",
    summary: 'How times of day are written, as in DATE_FORMAT.',
    defaultNote: "PostgreSQL's literals",
    formats: text,
    bare: [{ words: ['time_format'], takes: 'value' }],
    otherNames: ['time_pattern'],
    of: ofGaussdb,
    dialects: ['gaussdb'],
    example: "TIME_FORMAT 'HH24.MI'",
    errors: [binaryError],
    read: (reader) => reader.patterns(),
  }),
  timestamp_format: define<DatePattern>({
    synopsis: "{ 'pattern' | ( 'pattern' [, ...] ) }",
    summary:
      "How timestamps are written, as in DATE_FORMAT. Redshift's TIMEFORMAT, which also has 'auto', 'epochsecs' and 'epochmillisecs'; QuestDB's FORMAT, in Java's patterns. A zone in a value for a column without one is read and dropped, as PostgreSQL does; in Java's patterns and strptime's it moves the value to UTC, as QuestDB and DuckDB do.",
    defaultNote:
      "PostgreSQL's literals; in Redshift's dialect YYYY-MM-DD HH:MI:SS, and OF behind it for columns with a time zone",
    formats: text,
    bare: [
      { words: ['timestamp_format'], takes: 'value' },
      {
        words: ['timeformat'],
        takes: 'string',
        as: true,
        inParentheses: true,
        of: { dialect: 'redshift', exclusive: true },
      },
    ],
    otherNames: ['timestampformat', 'timestamp_pattern', 'datetime_format'],
    alsoWritten: [["FORMAT 'pattern'", { dialect: 'questdb', exclusive: true }]],
    of: ofGaussdb,
    dialects: ['gaussdb', 'questdb', 'redshift'],
    example: "TIMESTAMP_FORMAT 'DD.MM.YYYY HH24:MI:SS'",
    errors: [binaryError],
    read: (reader) => reader.patterns(),
  }),
} as const
