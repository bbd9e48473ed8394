/** What Materialize has beyond PostgreSQL: where its files are. */
import { define } from '../option-definition.ts'

export type MaterializeKey = 'aws connection' | 'files' | 'pattern'

// Where files are is asked in every dialect: such a word tells the dialect only where no other does.
const of = { dialect: 'materialize', exclusive: false } as const
const formats = ['csv', 'text', 'fixed', 'binary', 'parquet', 'arrow'] as const
const dialects = ['materialize'] as const

export const materializeOptions = {
  'aws connection': define<string>({
    synopsis: '[ = ] name',
    summary: 'The named connection by which the files are read.',
    defaultNote: 'none',
    formats,
    bare: [{ words: ['aws', 'connection'], takes: 'value', inParentheses: true, of }],
    otherNames: ['aws_connection', 'connection'],
    of,
    dialects,
    example: 'AWS CONNECTION = my_connection',
    errors: [['22023', 'the source is no s3:// address']],
    read: (reader) => reader.string(),
  }),
  files: define<readonly string[]>({
    synopsis: "[ = ] [ 'path' [, ...] ]",
    summary: 'The files in the folder that are read, in this order; one that is named twice is read twice.',
    defaultNote: 'the address itself',
    formats,
    bare: [{ words: ['files'], takes: 'value', of }],
    otherNames: ['file_list'],
    of,
    dialects,
    example: "FILES = ['a.csv', 'b.csv']",
    errors: [['22023', 'no list in brackets; STDIN; PATTERN beside it']],
    read: (reader) => reader.array(),
  }),
  pattern: define<string>({
    synopsis: "[ = ] 'glob'",
    summary:
      'Which files below the folder are read: `*`, `?`, `[a-z]`, `{a,b}`, and `**` for any number of folders. They are read in the order of their names.',
    defaultNote: 'the address itself',
    formats,
    bare: [{ words: ['pattern'], takes: 'value', of }],
    otherNames: ['glob'],
    of,
    dialects,
    example: "PATTERN = '**/*.csv'",
    errors: [['22023', 'STDIN; FILES beside it']],
    read: (reader) => reader.string(),
  }),
} as const
