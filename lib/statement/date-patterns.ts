/** How dates and times are written: a pattern, or several that are tried in order. */
export type DatePattern = string | readonly string[]

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

/** Whether a pattern is a word in its place. */
export function isPatternWord(text: string): boolean {
  return words.test(text)
}
