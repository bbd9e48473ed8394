/** A name as SQL resolves it: folded to lower case unless it was quoted. */
export interface Name {
  readonly value: string
  readonly quoted: boolean
  /** Offset in the statement of its first character. */
  readonly offset: number
}

/** `[database.][schema.]table`. */
export interface QualifiedName {
  readonly catalog?: Name
  readonly schema?: Name
  readonly name: Name
}

/** Where the bytes come from. */
export type Source =
  | { readonly kind: 'file'; readonly path: string; readonly offset: number }
  | { readonly kind: 'stdin'; readonly offset: number }

/** Options after parsing and validation: every default filled in. */
export interface CopyOptions {
  readonly format: 'csv' | 'text'
  readonly delimiter: string
  readonly null: string
  /** csv only. */
  readonly quote: string
  /** csv only. */
  readonly escape: string
  readonly header: 'false' | 'true' | 'match'
  readonly forceNotNull: '*' | readonly Name[]
  readonly forceNull: '*' | readonly Name[]
  readonly default?: string
  readonly encoding: 'UTF8'
  readonly onError: 'stop'
  /** Absent when the statement does not say; the caller's own setting then decides. */
  readonly createTable?: boolean
}

/** `COPY … FROM …`, parsed and validated. */
export interface CopyFrom {
  readonly kind: 'copy from'
  /** The statement as given. */
  readonly text: string
  readonly table: QualifiedName
  readonly columns?: readonly Name[]
  readonly source: Source
  readonly options: CopyOptions
  /** The condition's SQL text without the word WHERE. */
  readonly where?: { readonly sql: string; readonly offset: number }
}
