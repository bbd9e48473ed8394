import { CopyError } from '../errors.ts'
import { isMisspelt } from '../path.ts'
import type { OptionItem, Source } from './ast.ts'

/** Redshift's options whose value is a secret. */
const words = 'credentials|access_key_id|secret_access_key|session_token'
const isSecret = new RegExp(`^(?:${words})$`)
const blank = String.raw`(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?(?:\*\/|$))*`
/** A literal, closed or not, with what continues it; or a word. */
const literal = [
  String.raw`[eE]'(?:[^'\\]|\\[\s\S]|'\s*')*'?`,
  String.raw`(?:[bBxXnN]|[uU]&)?'(?:[^']|'\s*')*'?`,
  String.raw`\$\w*\$[\s\S]*?(?:\$\w*\$|$)`,
  '"(?:[^"]|"")*"?',
  // Up to what is a comment, since the text must stay the statement that it is.
  String.raw`(?:(?!--|\/\*)[^\s,();'"])+`,
].join('|')
const place = new RegExp(String.raw`\b(?:${words})\b${blank}(?:as\b|=)?${blank}\(?(${literal})`, 'giu')
const wholeLiteral = new RegExp(literal, 'yu')

/** The statement with something in place of the secrets that its options hold; every other character keeps its place. */
export function maskSecrets(text: string, items: readonly OptionItem[]): string {
  let masked = text
  for (const { name, argument } of items) {
    if (argument === undefined || !isSecret.test(name)) continue
    wholeLiteral.lastIndex = argument.offset
    const found = wholeLiteral.exec(masked)?.[0] ?? ''
    masked = masked.slice(0, argument.offset) + standIn(found) + masked.slice(argument.offset + found.length)
  }
  return masked
}

/**
 * The statement without what its source's URL has that is not for everybody: a signature behind the question mark, a user and password before
 * the host. Every other character keeps its place.
 */
export function maskUrl(text: string, source: Source): string {
  if (source.kind !== 'file' || !hasSecret(source.path)) return text
  wholeLiteral.lastIndex = source.offset
  const literal = wholeLiteral.exec(text)?.[0] ?? ''
  return text.slice(0, source.offset) + hideInUrl(literal) + text.slice(source.offset + literal.length)
}

/** The statement without the signatures of the files that it names below an address. Every other character keeps its place. */
export function maskFiles(text: string, items: readonly OptionItem[], source: Source): string {
  const argument = items.find(({ name }) => name === 'files')?.argument
  if (source.kind !== 'file' || !isAddress(source.path) || argument?.kind !== 'array') return text
  return hideInList(text, argument.offset)
}

/** Hides what is behind a question mark in the strings of a list that begins at `from`. */
function hideInList(text: string, from: number): string {
  const token = /'(?:[^']|'')*'?|"(?:[^"]|"")*"?|\]/gy
  let masked = text
  for (let at = from; at < text.length; at += 1) {
    token.lastIndex = at
    const found = token.exec(text)?.[0]
    if (found === undefined) continue
    if (found === ']') break
    const stars = found.replace(/(\?)([\s\S]*)/, (_, mark: string, rest: string) => mark + rest.replace(/[^'"]/g, '*'))
    masked = masked.slice(0, at) + stars + masked.slice(at + found.length)
    at += found.length - 1
  }
  return masked
}

/** Of whatever scheme: one that is misspelt is refused, and the error shows the statement. */
function isAddress(path: string): boolean {
  return /^(?!file:)[a-z][a-z0-9+.-]*:\/\//i.test(path) || isMisspelt(path)
}

/** What of a URL stands for its rights; a path may have such characters, too. */
function hasSecret(url: string): boolean {
  return isAddress(url) && /:\/+(?:[^?#]*[?#]|[^/?#]*@)/s.test(url)
}

/** A literal of such a URL, with asterisks in place of those parts. */
function hideInUrl(literal: string): string {
  const quote = /^\$\w*\$/.exec(literal)?.[0] ?? ''
  const inner = literal.slice(quote.length, literal.length - (literal.endsWith(quote) ? quote.length : 0))
  const end = literal.slice(quote.length + inner.length)
  // In E'…' a backslash belongs to the quote behind it.
  const each = /^e'/i.test(literal) ? /\\[\s\S]|[^'\s]/gu : /[^'\s]/gu
  const stars = (part: string) => part.replace(each, (character) => '*'.repeat(character.length))
  const masked = inner
    .replace(/([?#])([\s\S]*)$/, (_, mark: string, query: string) => mark + stars(query))
    .replace(/(:\/+)([^/?#@]*)@/, (_, slashes: string, user: string) => `${slashes}${stars(user)}@`)
  return quote + masked + end
}

/** A URL, wherever it stands; in quotes, up to them. Bounded, since a statement may be one long word. */
const urls = /[a-z][a-z0-9+.-]{0,30}:\/[^\s'"]*/giu

/** The option; if its value is a secret, with asterisks for it. */
export function withoutSecret(item: OptionItem): OptionItem {
  const { name, argument } = item
  if (argument === undefined || !isSecret.test(name)) return item
  return { ...item, argument: { kind: 'string', value: '***', offset: argument.offset } }
}

/**
 * The error, without what could be a secret in the text it shows and in what it says. Here the words are enough: the statement
 * is none, and what is hidden too much is only not shown.
 */
export function withoutSecrets(error: unknown, text: string): unknown {
  if (!(error instanceof CopyError)) return error
  const found = [...text.matchAll(place)].flatMap(([, secret = '']) => [
    secret,
    // Of several strings that do not make one, an error names the second.
    ...(secret.match(/'(?:[^']|'')*'?/g) ?? []),
  ])
  const addresses = (text.match(urls) ?? []).filter(isAddress)
  const secretUrls = addresses.filter(hasSecret)
  const list = addresses.length > 0 ? /\bfiles\b\s*=?\s*\[/i.exec(text) : null
  const unlisted = list ? hideInList(text, list.index) : text
  if (found.length === 0 && secretUrls.length === 0 && unlisted === text) return error
  const hideUrls = (shown: string) => shown.replace(urls, (url) => (hasSecret(url) ? hideInUrl(url) : url))
  const masked = hideUrls(
    unlisted.replace(place, (whole, secret: string) => whole.slice(0, whole.length - secret.length) + hide(secret)),
  )
  const clean = (message: string | undefined) =>
    message === undefined
      ? undefined
      : hideUrls(found.reduce((kept, secret) => kept.replaceAll(secret, hide(secret)), message))
  const { code, sqlState, statement } = error
  return new CopyError({
    code,
    sqlState,
    message: clean(error.message) ?? '',
    detail: clean(error.detail),
    hint: clean(error.hint),
    ...(statement && { statement: { text: masked, offset: statement.offset } }),
  })
}

/** Asterisks, but for the quotes. */
function hide(secret: string): string {
  return secret.replace(/[^'$]/gsu, (character) => '*'.repeat(character.length))
}

/** What can stand in the statement for a secret: as long, and as much of a value. */
function standIn(secret: string): string {
  const isWord = secret.length < 2 || !/['"$]/.test(secret)
  return isWord ? 'x'.repeat(secret.length) : `'${'*'.repeat(secret.length - 2)}'`
}
