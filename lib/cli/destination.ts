/** Where the rows go. */
export interface Destination {
  /** What `connect` takes. */
  readonly target: string
  /** Neither the command line nor the environment names it. */
  readonly isFallback: boolean
}

/** The file that is used when nothing names a database; in the current directory. */
export const fallbackFile = 'copyist.duckdb'

/** The database by `--to`, else COPYIST_TO, else PostgreSQL's own variables, else {@link fallbackFile}. */
export function chooseDestination(to: string | undefined, environment: NodeJS.ProcessEnv): Destination {
  const named = to ?? (environment.COPYIST_TO || undefined)
  if (named !== undefined) return { target: named, isFallback: false }
  // A URL that says nothing leaves host, port, user, password and database to PGHOST and its siblings.
  if (environment.PGHOST || environment.PGDATABASE) return { target: 'postgres://', isFallback: false }
  return { target: fallbackFile, isFallback: true }
}

const mask = '***'

/**
 * Takes passwords out of a text that is about to be printed: those of any URL or `password=` in it, and the destination's
 * own wherever it occurs.
 */
export function redact(text: string, destination: string | undefined, environment: NodeJS.ProcessEnv): string {
  const secrets = [...passwordsOf(destination ?? ''), environment.PGPASSWORD ?? '']
  let redacted = text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*:)[^\s'"]*@/gi, `$1${mask}@`)
    .replace(/(\b(?:ssl)?password\s*=\s*)(?:'(?:[^'\\]|\\.)*'|[^\s&'"]+)/gi, `$1${mask}`)
  for (const secret of secrets) {
    // A secret as short as that would turn every message into asterisks and hide nothing.
    if (secret.length < 4) continue
    // Of the password "postgres" the scheme of a URL gives nothing away.
    redacted = /^postgres(?:ql)?$/.test(secret)
      ? redacted.replace(/postgres(?:ql)?(?!(?:ql)?:\/\/)/g, mask)
      : redacted.replaceAll(secret, mask)
  }
  return redacted
}

/** Passwords in a connection URL, as they are written and as they are meant. */
function passwordsOf(target: string): string[] {
  const written = [
    /^[a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*:(.*)@/i.exec(target)?.[1],
    ...Array.from(target.matchAll(/[?&](?:ssl)?password=([^&#]*)/gi), (match) => match[1]),
  ].filter((secret) => secret !== undefined && secret !== '')
  return written.flatMap((secret = '') => [secret, decode(secret)])
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
