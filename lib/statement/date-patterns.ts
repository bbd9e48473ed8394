/** How dates and times are written: a pattern, or several that are tried in order. */
export type DatePattern = string | readonly string[]

/** Redshift's patterns where a statement gives none. */
export const redshiftFormats = {
  language: 'to_char',
  date: 'YYYY-MM-DD',
  timestamp: 'YYYY-MM-DD HH:MI:SS',
  timestamptz: ['YYYY-MM-DD HH:MI:SSOF', 'YYYY-MM-DD HH:MI:SS'],
} as const

/** Words that stand in a pattern's place. */
const words = /^(?:auto|epochsecs|epochmillisecs)$/
/** What `strptime` has in place of a part of a date, and what to_char has. */
const strptimeToken = /%-?[A-Za-z%]/g
const toCharToken = /YY|MM|DD|HH|MI|SS|MON|MONTH|IY|AM|PM/i

/** The patterns in order. */
export function patternsIn(pattern: DatePattern | undefined): readonly string[] {
  return pattern === undefined ? [] : typeof pattern === 'string' ? [pattern] : pattern
}

/**
 * The language of a pattern where `own` is that of the statement's system. It is of `strptime` when it has tokens with a percent sign
 * and none of to_char.
 */
export function languageOf<Own extends string>(text: string, own: Own): Own | 'strptime' | 'auto' {
  // Redshift's own patterns include the words.
  if (words.test(text)) return own === 'java' || own === 'redshift' ? own : 'auto'
  const rest = text.replace(strptimeToken, '')
  return rest !== text && !toCharToken.test(rest) ? 'strptime' : own
}

/** Where a pattern has a time zone, outside of what is quoted there. */
const zones = {
  to_char: /TZ|OF/i,
  strptime: /%-?z/i,
  java: /[zZXxVO]/,
} as const

/** Whether values that match a pattern have a time zone. */
export function hasZone(text: string, language: 'to_char' | 'redshift' | 'java' | 'strptime' | 'auto'): boolean {
  if (language === 'auto' || words.test(text)) return false
  if (language === 'java') return zones.java.test(text.replace(/'[^']*'/g, ''))
  if (language === 'strptime') return zones.strptime.test(text.replaceAll('%%', ''))
  return zones.to_char.test(text.replace(/"[^"]*"/g, ''))
}

/** Tokens of to_char, the longest first, as far as others must not be seen in them. */
const toCharTokens =
  /"[^"]*"|Y,YYY|YYYY|YYY|YY|Y|RRRR|RR|RM|CC|IYYY|IYY|IY|IDDD|ID|IW|I|BC|AD|B\.C\.|A\.D\.|MONTH|MON|MM|MS|MI|DDD|DD|DAY|DY|D|J|Q|WW|W/gi

/**
 * What keeps a pattern from telling a date: no year, or a quarter, which is passed over, in place of a month. A month or day that is missing is the
 * first. Undefined where it tells one.
 */
export function flawOfDate(text: string, language: 'to_char' | 'java' | 'strptime' | 'auto'): string | undefined {
  const noYear = 'has no year'
  if (language === 'auto') return undefined
  if (language === 'java') return /y/.test(text.replace(/'[^']*'/g, '')) ? undefined : noYear
  if (language === 'strptime') return /%-?[YyGscxF]/.test(text.replaceAll('%%', '')) ? undefined : noYear
  const tokens = (text.match(toCharTokens) ?? []).map((token) => token.toUpperCase())
  if (!tokens.some((token) => /^(?:Y|RR|IY|I$|J$)/.test(token))) return noYear
  const hasMonth = tokens.some((token) => /^(?:MM|MON|MONTH|RM|DDD|IDDD|WW|IW|J)$/.test(token))
  return tokens.includes('Q') && !hasMonth ? 'has a quarter in place of a month' : undefined
}

/** Whether a pattern is a word in its place. */
export function isPatternWord(text: string): boolean {
  return words.test(text)
}
