import { Cursor } from '../../../lib/statement/cursor.ts'
import type { Token } from '../../../lib/statement/lexer.ts'
import { parseCopy, parseParts } from '../../../lib/statement/parser.ts'

/** A statement without one of its options. */
export interface Shorter {
  /** The option's first word, in upper case. */
  readonly option: string
  readonly statement: string
}

/**
 * The statement without each of its options in turn, in the same dialect: where a word tells of it, the others say DIALECT.
 *
 * DIALECT itself stays: it says whose case it is, also where all systems do the same.
 */
export function withoutEach(text: string): readonly Shorter[] {
  const { dialect } = parseCopy(text)
  const said = dialect?.found === 'words' ? `DIALECT '${dialect.name}'` : undefined
  return cutOptions(text)
    .filter(({ option }) => option !== 'DIALECT')
    .map(({ option, statement }) => ({ option, statement: said === undefined ? statement : saying(said, statement) }))
}

/** The statement with one option more. */
function saying(option: string, text: string): string {
  const statement = text.replace(/;$/, '').trimEnd()
  const tokens = tokensOf(statement)
  const depths = depthsOf(tokens)
  const last = parseParts(statement).items.at(-1)
  const isInParentheses = last !== undefined && depths[tokens.findIndex(({ start }) => start === last.offset)] === 1
  return isInParentheses ? `${statement.slice(0, -1)}, ${option})` : `${statement} ${option}`
}

function cutOptions(text: string): readonly Shorter[] {
  const { items } = parseParts(text)
  const tokens = tokensOf(text)
  const depths = depthsOf(tokens)
  const places = items.map(({ offset }) => tokens.findIndex(({ start }) => start === offset))
  return places.map((first, index) => {
    const next = places[index + 1] ?? tokens.length
    const isInParentheses = depths[first] === 1
    // The parenthesis that opens the list of options, where those before it stand outside.
    const opening = !isInParentheses && depths[next] === 1 ? tokens[next - 1] : undefined
    const isEnd = (token: Token, at: number) =>
      at >= next ||
      token.kind === 'end' ||
      token === opening ||
      (isInParentheses
        ? depths[at] === 0 || (depths[at] === 1 && isOperator(token, ','))
        : depths[at] === 0 && (isOperator(token, ';') || isWord(token, 'where') || isWord(token, 'with')))
    let last = first
    while (!isEnd(tokens[last + 1] as Token, last + 1)) last += 1
    const option = text.slice(tokens[first]?.start, tokens[first]?.end).toUpperCase()
    const isFollowed = isOperator(tokens[last + 1], ',')
    const isPreceded = isOperator(tokens[first - 1], ',')
    if (isInParentheses && !isFollowed && !isPreceded) {
      const hasWith = isWord(tokens[first - 2], 'with')
      return { option, statement: cut(text, tokens[first - (hasWith ? 2 : 1)], tokens[last + 1]) }
    }
    const [from, to] = !isInParentheses ? [first, last] : isFollowed ? [first, last + 1] : [first - 1, last]
    return { option, statement: cut(text, tokens[from], tokens[to]) }
  })
}

function tokensOf(text: string): readonly Token[] {
  const cursor = new Cursor(text)
  const tokens: Token[] = []
  for (; cursor.token.kind !== 'end'; cursor.advance()) tokens.push(cursor.token)
  return [...tokens, cursor.token]
}

/** In how many brackets each token stands; a bracket stands outside of itself. */
function depthsOf(tokens: readonly Token[]): readonly number[] {
  let depth = 0
  return tokens.map((token) => {
    if (isOperator(token, ')') || isOperator(token, ']')) depth -= 1
    const own = depth
    if (isOperator(token, '(') || isOperator(token, '[')) depth += 1
    return own
  })
}

function cut(text: string, from: Token | undefined, to: Token | undefined): string {
  return `${text.slice(0, from?.start).trimEnd()} ${text.slice(to?.end).trimStart()}`.trim()
}

function isOperator(token: Token | undefined, value: string): boolean {
  return token?.kind === 'operator' && token.value === value
}

function isWord(token: Token | undefined, value: string): boolean {
  return token?.kind === 'word' && !token.quoted && token.value === value
}
