import type { Dialect } from './dialect.ts'
import { files } from './tables/files.ts'
import { loads } from './tables/loads.ts'
import { loadsCompletedKey } from './tables/loads-completed-key.ts'
import { rejects } from './tables/rejects.ts'
import { replaced } from './tables/replaced.ts'
import { pgxcCopyErrorLog } from './views/pgxc-copy-error-log.ts'
import { stlLoadCommits } from './views/stl-load-commits.ts'
import { stlLoadErrors } from './views/stl-load-errors.ts'
import { stlLoaderrorDetail } from './views/stl-loaderror-detail.ts'
import { sysLoadDetail } from './views/sys-load-detail.ts'
import { sysLoadErrorDetail } from './views/sys-load-error-detail.ts'
import { sysLoadHistory } from './views/sys-load-history.ts'
import { textImportLog } from './views/text-import-log.ts'

/** What brings a ledger from the version before to this one. One that has been released is never edited. */
export interface Migration {
  readonly version: number
  /** Statements that create tables and indexes where there are none; the argument is the schema as SQL. */
  tables(schema: string, dialect: Dialect): readonly string[]
  /** Names and queries of the views that are new, or other than they were. */
  readonly views: Readonly<Record<string, (dialect: Dialect) => string>>
}

/**
 * In order of version. They only ever add: an older release of copyist, which inserts by names of columns, works on in a newer
 * ledger.
 */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    tables: (schema, dialect) => [
      loads(`${schema}.loads`, dialect),
      loadsCompletedKey(`${schema}.loads`),
      files(`${schema}.files`),
      rejects(`${schema}.rejects`),
      replaced(`${schema}.replaced`),
    ],
    views: {
      stl_load_commits: stlLoadCommits,
      stl_load_errors: stlLoadErrors,
      stl_loaderror_detail: stlLoaderrorDetail,
      sys_load_history: sysLoadHistory,
      sys_load_detail: sysLoadDetail,
      sys_load_error_detail: sysLoadErrorDetail,
      text_import_log: textImportLog,
      pgxc_copy_error_log: pgxcCopyErrorLog,
    },
  },
]

export const LATEST_VERSION = Math.max(...MIGRATIONS.map(({ version }) => version))
