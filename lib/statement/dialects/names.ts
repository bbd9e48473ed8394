import type { Dialect } from '../ast.ts'

/** The systems whose COPY is spoken, as messages name them. */
export const dialectTitles: Readonly<Record<Dialect, string>> = {
  postgresql: 'PostgreSQL',
  gaussdb: 'GaussDB',
  materialize: 'Materialize',
  questdb: 'QuestDB',
  redshift: 'Redshift',
}

export const dialectNames = Object.keys(dialectTitles) as readonly Dialect[]
