/** What QuestDB has beyond PostgreSQL. Its HEADER and FORMAT, which others write otherwise, are read in `option-grammar.ts`. */
import type { Name } from '../ast.ts'
import { choice, define } from '../option-definition.ts'

export type QuestdbKey = 'timestamp' | 'partition by'

const of = { dialect: 'questdb', exclusive: true } as const
const formats = ['csv', 'text'] as const
const dialects = ['questdb'] as const

export const questdbOptions = {
  timestamp: define<Name>({
    synopsis: "'column'",
    summary:
      'The column of the designated timestamp, to which the pattern of FORMAT belongs: by its name in the same case, or else in any.',
    defaultNote: 'none',
    formats,
    bare: [{ words: ['timestamp'], takes: 'string', of }],
    otherNames: ['timestamp_column', 'designated_timestamp'],
    of,
    dialects,
    example: "TIMESTAMP 'ts'",
    errors: [['42703', 'no such column']],
    read: (reader) => ({
      value: reader.string(),
      quoted: true,
      offset: reader.item.argument?.offset ?? reader.item.offset,
    }),
  }),
  'partition by': define<'none' | 'year' | 'month' | 'week' | 'day' | 'hour'>({
    synopsis: '{ NONE | YEAR | MONTH | WEEK | DAY | HOUR }',
    summary: 'How the table that is made is partitioned.',
    defaultNote: 'NONE',
    formats,
    bare: [{ words: ['partition', 'by'], takes: 'value', inParentheses: true, of }],
    otherNames: ['partition_by', 'partitionby'],
    of,
    dialects,
    example: 'PARTITION BY DAY',
    errors: [['22023', 'no such unit, or no TIMESTAMP beside it']],
    read: (reader) => choice(reader, 'PARTITION BY', ['none', 'year', 'month', 'week', 'day', 'hour']),
  }),
} as const
